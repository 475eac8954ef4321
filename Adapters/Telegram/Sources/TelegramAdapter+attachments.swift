public import BridgeCore
internal import HTTPCore
internal import JSON

extension TelegramAdapter {
    /// `sendPhoto` and its kin: by an address, which Telegram fetches (photos up to 5 MB, other files up to 20 MB), or with the
    /// bytes in the request (10 MB and 50 MB); a caption holds 1,024 characters (Bot API, "Sending files").
    func encodeAttachment(
        _ attachment: OutboundAttachment, caption: String?, of action: OutboundAction
    ) -> OutboundRequest? {
        let (method, field): (String, StaticString) =
            switch attachment.kind {
            case .image: (methods.sendPhoto, "photo")
            case .audio: (methods.sendAudio, "audio")
            case .video: (methods.sendVideo, "video")
            default: (methods.sendDocument, "document")
            }
        let place = action.place
        let business = action.replyContext[ReplyContextKey.businessConnection]
        switch attachment.source {
        case .url(let address), .uploaded(let address):
            var writer = JSONWriter()
            writer.object { json in
                json.field("chat_id", place.conversation.rawValue)
                json.field("business_connection_id", business)
                json.field("message_thread_id", place.thread?.rawValue)
                json.field(field, address)
                json.field("caption", caption)
            }
            return OutboundRequest(url: method, headers: ["Content-Type": "application/json"], body: writer.bytes)
        case .bytes(let bytes):
            var form = MultipartForm(boundary: "chatbridge-\(action.id)")
            form.append("chat_id", place.conversation.rawValue)
            if let business { form.append("business_connection_id", business) }
            if let thread = place.thread { form.append("message_thread_id", thread.rawValue) }
            if let caption { form.append("caption", caption) }
            form.append(
                "\(field)", bytes, fileName: attachment.name ?? "\(field)",
                contentType: attachment.contentType ?? "application/octet-stream")
            return OutboundRequest(url: method, headers: ["Content-Type": form.contentType], body: form.body)
        }
    }
}

extension TelegramAdapter: MediaFetching {
    /// `getFile`, then the file; the Bot API gives out files of up to 20 MB ("getFile").
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        guard let id = attachment.reference else { return .unavailable(reason: "Telegram named no file") }
        guard let first = responses.first else {
            var writer = JSONWriter()
            writer.object { $0.field("file_id", id) }
            return .request(
                OutboundRequest(
                    url: methods.getFile, headers: ["Content-Type": "application/json"], body: writer.bytes))
        }
        guard responses.count == 1 else {
            // Files come as application/octet-stream; photos are always JPEG.
            return .content(contentType: attachment.contentType ?? (attachment.kind == .image ? "image/jpeg" : nil))
        }
        switch reply(of: first) {
        case .failure(let failure): return .unavailable(reason: failure.reason)
        case .success(let file):
            guard let path = file["file_path"].string else { return .unavailable(reason: "the file is too large") }
            let escaped = path.split(separator: "/").map { HTTPPercentEncoding.encode(String($0)) }.joined(
                separator: "/")
            return .request(OutboundRequest(method: .get, url: methods.files + escaped))
        }
    }
}
