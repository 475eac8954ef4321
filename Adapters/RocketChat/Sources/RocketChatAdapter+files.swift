public import BridgeCore
internal import HTTPCore
internal import JSON

extension RocketChatAdapter: AttachmentUploading {
    /// `rooms.media` and `rooms.mediaConfirm`, which also makes the message; on servers before 6.10 `rooms.upload`.
    public func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep {
        guard case .bytes(let bytes) = attachment.source else {
            return .failed(DeliveryFailure(.refused, reason: "there is nothing to upload"))
        }
        let room = HTTPPercentEncoding.encode(action.place.conversation.rawValue)
        guard let first = responses.first else {
            return .request(file(bytes, attachment, to: "rooms.media/\(room)", by: action))
        }
        let isOld = first.status.code == 404 || first.status.code == 405
        if responses.count == 1, isOld {
            return .request(file(bytes, attachment, to: "rooms.upload/\(room)", by: action))
        }
        let last = responses[responses.count - 1]
        let reply = (try? JSONView(parsing: last.body)) ?? .missing
        guard last.status.isSuccess, reply["success"].bool == true else { return .failed(failure(last, reply)) }
        if responses.count > 1 { return .sent(reply["message"]["_id"].identifier.map { PlatformMessageID($0) }) }
        guard let id = reply["file"]["_id"].identifier else {
            return .failed(DeliveryFailure(.refused, reason: "the upload's answer names no file"))
        }
        return .request(
            call("rooms.mediaConfirm/\(room)/\(HTTPPercentEncoding.encode(id))") { json in
                json.field("msg", "")
                json.field("tmid", action.place.thread?.rawValue)
            })
    }

    private func file(
        _ bytes: [UInt8], _ attachment: OutboundAttachment, to method: String, by action: OutboundAction
    ) -> OutboundRequest {
        var form = MultipartForm(boundary: "chatbridge-\(action.id)")
        if let thread = action.place.thread, method.hasPrefix("rooms.upload") {
            form.append("tmid", thread.rawValue)
        }
        form.append(
            "file", bytes, fileName: attachment.name ?? attachment.kind.rawValue,
            contentType: attachment.contentType ?? "application/octet-stream")
        var headers = credentials
        headers["Content-Type"] = form.contentType
        return OutboundRequest(url: url(method), headers: headers, body: form.body)
    }
}

extension RocketChatAdapter: MediaFetching {
    /// The file's address, with the bot's credentials where it is the server's own.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        guard let url = attachment.url else { return .unavailable(reason: "the file has no address") }
        if let response = responses.last {
            return response.status.isSuccess
                ? .content(contentType: attachment.contentType)
                : .unavailable(reason: "HTTP \(response.status.code)")
        }
        // No other host sees the token, and none is asked at a visitor's word.
        guard url.hasPrefix(configuration.serverURL + "/"),
            let request = OutboundRequest.fetching(url, at: [], or: [configuration.serverURL], headers: credentials)
        else { return .unavailable(reason: "the file is not on the server") }
        return .request(request)
    }
}
