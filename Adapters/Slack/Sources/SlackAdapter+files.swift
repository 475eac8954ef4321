public import BridgeCore
internal import HTTPCore
internal import JSON

extension SlackAdapter {
    /// A picture that Slack fetches and shows in a block; nil for anything else, which has to be uploaded.
    func picture(_ attachment: OutboundAttachment, caption: String?, by action: OutboundAction) -> OutboundRequest? {
        guard case .url(let url) = attachment.source, attachment.kind == .image else { return nil }
        let name = attachment.name ?? "image"
        return call("chat.postMessage", capacity: 256) { json in
            json.field("channel", action.place.conversation.rawValue)
            // What notifications and readers of screens say.
            json.field("text", SlackText.escaped(caption ?? name))
            json.field("thread_ts", action.place.thread?.rawValue)
            json.arrayField("blocks") { blocks in
                if let caption {
                    blocks.object { block in
                        block.field("type", "section")
                        block.objectField("text") { text in
                            text.field("type", "plain_text")
                            text.field("text", String(caption.prefix(3000)))
                        }
                    }
                }
                blocks.object { block in
                    block.field("type", "image")
                    block.field("image_url", url)
                    block.field("alt_text", String(name.prefix(2000)))
                }
            }
        }
    }
}

extension SlackAdapter: AttachmentUploading {
    /// `files.getUploadURLExternal`, the bytes to the address that it names, `files.completeUploadExternal`, which also makes
    /// the message (<https://docs.slack.dev/messaging/working-with-files>).
    public func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep {
        guard case .bytes(let bytes) = attachment.source else {
            return .failed(DeliveryFailure(.refused, reason: "there is nothing to upload"))
        }
        let name = attachment.name ?? attachment.kind.rawValue
        guard let first = responses.first else {
            // This method takes no JSON.
            let form = "filename=\(HTTPPercentEncoding.encode(name))&length=\(bytes.count)"
            return .request(
                OutboundRequest(
                    url: "\(configuration.apiBase)/files.getUploadURLExternal",
                    headers: [
                        "Content-Type": "application/x-www-form-urlencoded", "Authorization": authorization,
                    ], body: Array(form.utf8)))
        }
        let file: JSONView
        switch reply(of: first) {
        case .failure(let failure): return .failed(failure)
        case .success(let reply): file = reply
        }
        guard let url = file["upload_url"].identifier, let id = file["file_id"].identifier else {
            return .failed(DeliveryFailure(.refused, reason: "files.getUploadURLExternal names no address"))
        }
        switch responses.count {
        case 1:
            // The address holds its own ticket: the token is not for it.
            let type = attachment.contentType ?? "application/octet-stream"
            return .request(OutboundRequest(url: url, headers: ["Content-Type": type], body: bytes, bearsToken: false))
        case 2:
            guard responses[1].status.isSuccess else {
                return .failed(DeliveryFailure(.refused, reason: "HTTP \(responses[1].status.code) to the upload"))
            }
            return .request(
                call("files.completeUploadExternal", capacity: 128) { json in
                    json.arrayField("files") { files in
                        files.object { file in
                            file.field("id", id)
                            file.field("title", name)
                        }
                    }
                    json.field("channel_id", action.place.conversation.rawValue)
                    json.field("thread_ts", action.place.thread?.rawValue)
                })
        default:
            switch reply(of: responses[2]) {
            case .failure(let failure): return .failed(failure)
            // The message comes about later, and its name with it.
            case .success: return .sent(nil)
            }
        }
    }
}

extension SlackAdapter: MediaFetching {
    /// The private address with the bot's token; `files.info` first where the event named only the file.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        if let url = attachment.url {
            guard let response = responses.last else { return request(for: url) }
            return content(of: response)
        }
        guard let id = attachment.reference else { return .unavailable(reason: "Slack named no file") }
        guard let first = responses.first else {
            return .request(
                OutboundRequest(
                    method: .get, url: "\(configuration.apiBase)/files.info?file=\(HTTPPercentEncoding.encode(id))",
                    headers: ["Authorization": authorization]))
        }
        if responses.count > 1 { return content(of: responses[1]) }
        switch reply(of: first) {
        case .failure(let failure): return .unavailable(reason: failure.reason)
        case .success(let reply):
            let file = reply["file"]
            guard let url = file["url_private_download"].identifier ?? file["url_private"].identifier else {
                return .unavailable(reason: "the file has no address")
            }
            return request(for: url)
        }
    }

    private func request(for url: String) -> MediaStep {
        // Files shared from elsewhere have an address of their own: the token is Slack's alone to see.
        let request = OutboundRequest.fetching(
            url, at: ["slack.com", "slack-gov.com"], or: [configuration.apiBase],
            headers: ["Authorization": authorization])
        return request.map { .request($0) } ?? .unavailable(reason: "the file is not at Slack")
    }

    private func content(of response: OutboundResponse) -> MediaStep {
        guard response.status.isSuccess else { return .unavailable(reason: "HTTP \(response.status.code)") }
        let type = response.headers["Content-Type"]
        if type?.hasPrefix("text/html") == true {
            return .unavailable(reason: "Slack shows its log-in page: the bot needs the scope files:read")
        }
        return .content(contentType: type)
    }
}
