public import BridgeCore
internal import HTTPCore
internal import JSON

extension MattermostAdapter: AttachmentUploading {
    /// `POST /files`, whose answer names the file for a post.
    public func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep {
        guard case .bytes(let bytes) = attachment.source else {
            return .failed(DeliveryFailure(.refused, reason: "there is nothing to upload"))
        }
        guard let response = responses.last else {
            let channel = HTTPPercentEncoding.encode(action.place.conversation.rawValue)
            let name = HTTPPercentEncoding.encode(Self.fileName(attachment))
            var request = call(.post, "/files?channel_id=\(channel)&filename=\(name)")
            request.headers["Content-Type"] = attachment.contentType ?? "application/octet-stream"
            request.body = bytes
            return .request(request)
        }
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        guard response.status.isSuccess else { return .failed(failure(response, reply)) }
        guard let id = reply["file_infos"][0]["id"].identifier else {
            return .failed(DeliveryFailure(.refused, reason: "the upload's answer names no file"))
        }
        return .uploaded(id)
    }

    private static func fileName(_ attachment: OutboundAttachment) -> String {
        if let name = attachment.name, !name.isEmpty { return name }
        let subtype = attachment.contentType?.split(separator: "/").last?.prefix { $0 != ";" && $0 != "+" }
        return subtype.map { "\(attachment.kind.rawValue).\($0)" } ?? attachment.kind.rawValue
    }
}

extension MattermostAdapter: MediaFetching {
    /// `GET /files/{id}` with the bot's token.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        guard let id = attachment.reference else { return .unavailable(reason: "the file has no id") }
        guard let response = responses.last else {
            return .request(call(.get, "/files/\(HTTPPercentEncoding.encode(id))"))
        }
        return response.status.isSuccess
            ? .content(contentType: nil) : .unavailable(reason: "HTTP \(response.status.code)")
    }
}
