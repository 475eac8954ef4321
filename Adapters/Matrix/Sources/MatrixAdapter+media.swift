public import BridgeCore
internal import HTTPCore
internal import JSON

extension MatrixAdapter: AttachmentUploading {
    /// One request, which brings the bytes into the homeserver's content repository.
    public func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep {
        guard let response = responses.last else {
            guard case .bytes(let bytes) = attachment.source else {
                return .failed(DeliveryFailure(.refused, reason: "there are no bytes to upload"))
            }
            let name = attachment.name.map { "&filename=\(HTTPPercentEncoding.encode($0))" } ?? ""
            let user = HTTPPercentEncoding.encode(configuration.userID)
            return .request(
                OutboundRequest(
                    url: "\(configuration.apiBase)/_matrix/media/v3/upload?user_id=\(user)\(name)",
                    headers: [
                        "Authorization": authorization,
                        "Content-Type": attachment.contentType ?? "application/octet-stream",
                    ], body: bytes))
        }
        switch reply(of: response) {
        case .success(let reply):
            guard let address = reply["content_uri"].string, MatrixIdentifier.media(address) != nil else {
                return .failed(DeliveryFailure(.refused, reason: "the upload was answered without a content_uri"))
            }
            return .uploaded(address)
        case .failure(let failure):
            return .failed(failure)
        }
    }

    /// The content of a message that shows uploaded bytes; nil for those that are not.
    func media(_ attachment: OutboundAttachment, caption: String?, of action: OutboundAction) -> [UInt8]? {
        guard case .uploaded(let address) = attachment.source else { return nil }
        let type =
            switch attachment.kind {
            case .image: "m.image"
            case .audio: "m.audio"
            case .video: "m.video"
            default: "m.file"
            }
        let name = attachment.name ?? attachment.kind.rawValue
        var writer = JSONWriter(capacity: 512)
        writer.object { content in
            content.field("msgtype", type)
            // With a file name beside it the body is a caption (version 1.10).
            content.field("body", caption ?? name)
            content.field("filename", name)
            content.field("url", address)
            content.objectField("info") { $0.field("mimetype", attachment.contentType) }
            MatrixContentWriter.writeRelation(relation(of: action), to: &content)
            content.field(MatrixContentWriter.transactionKey, transaction(of: action))
        }
        return writer.bytes
    }
}

extension MatrixAdapter: MediaFetching {
    /// The authenticated download, and where a homeserver older than version 1.11 has none, the one before it.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        guard let media = attachment.reference.flatMap({ MatrixIdentifier.media($0) }) else {
            return .unavailable(reason: "it has no mxc address")
        }
        let place =
            "\(HTTPPercentEncoding.encode(String(media.server)))/\(HTTPPercentEncoding.encode(String(media.id)))"
        guard let last = responses.last else {
            return .request(
                OutboundRequest(
                    method: .get, url: "\(configuration.apiBase)/_matrix/client/v1/media/download/\(place)",
                    headers: ["Authorization": authorization]))
        }
        if last.status.isSuccess { return .content(contentType: nil) }
        if responses.count == 1, last.status.code == 404 {
            return .request(
                OutboundRequest(
                    method: .get,
                    url: "\(configuration.apiBase)/_matrix/media/v3/download/\(place)?allow_redirect=false",
                    headers: ["Authorization": authorization]))
        }
        return .unavailable(reason: "the homeserver answered \(last.status)")
    }
}
