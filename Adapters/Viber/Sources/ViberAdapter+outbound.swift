public import BridgeCore
internal import HTTPCore
internal import JSON

extension ViberAdapter {
    /// `send_message`; nil for everything that Viber has no call for.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            message(to: action, capacity: text.utf8.count) { json in
                json.field("type", "text")
                json.field("text", ViberText.shown(text, format))
            }
        case .sendAttachment(let attachment, let caption):
            message(to: action, capacity: 512) { json in write(attachment, caption: caption, to: &json) }
        case .sendBatch, .edit, .typing, .acknowledgeButton, .join:
            nil
        }
    }

    /// The longest description of a picture, in characters ("Picture message").
    private static let longestCaption = 512

    /// Writes a picture with its caption; what does not go as one becomes its link.
    private func write(_ attachment: OutboundAttachment, caption: String?, to json: inout JSONWriter) {
        let caption = caption ?? ""
        guard case .url(let url) = attachment.source else {
            json.field("type", "text")
            return json.field("text", [caption, attachment.name ?? ""].filter { !$0.isEmpty }.joined(separator: "\n"))
        }
        guard attachment.kind == .image, caption.utf16.count <= Self.longestCaption else {
            json.field("type", "text")
            return json.field("text", caption.isEmpty ? url : "\(caption)\n\(url)")
        }
        json.field("type", "picture")
        json.field("text", caption)
        json.field("media", url)
    }

    private func message(
        to action: OutboundAction, capacity: Int, _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        call("send_message", capacity: capacity) { json in
            json.field("receiver", action.place.conversation.rawValue)
            json.objectField("sender") { sender in
                // "Max 28 characters" ("General send message parameters").
                sender.field("name", String(configuration.botName.prefix(28)))
                sender.field("avatar", configuration.botAvatar)
            }
            write(&json)
        }
    }

    func call(_ method: String, capacity: Int = 0, _ write: (inout JSONWriter) -> Void) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 256)
        writer.object { write(&$0) }
        return OutboundRequest(
            url: "\(configuration.apiBase)/\(method)",
            headers: ["Content-Type": "application/json", "X-Viber-Auth-Token": configuration.authToken.value],
            body: writer.bytes)
    }

    /// What Viber's answer means: failures come with HTTP 200 and a `status` other than 0.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        switch reply(of: response) {
        case .success(let reply): .delivered(reply["message_token"].identifier.map { PlatformMessageID($0) })
        case .failure(let failure): .failed(failure)
        }
    }

    /// The object of an answer whose `status` is 0, or why there is none.
    func reply(of response: OutboundResponse) -> Result<JSONView, DeliveryFailure> {
        let http = response.status.code
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        let status = reply["status"].int
        if response.status.isSuccess, status == 0 { return .success(reply) }
        let reason =
            status == nil
            ? "HTTP \(http) without an answer of Viber's"
            : "\(status ?? 0) \(reply["status_message"].string ?? "")"
        if http == 429 || status == 12 {
            // Viber documents no Retry-After. Capped at a day only so that nonsense cannot overflow.
            let delay = response.headers["Retry-After"].flatMap { Int64($0) }
            return .failure(
                DeliveryFailure(
                    .rateLimited(after: delay.map { .seconds(min(max($0, 0), 86_400)) }), reason: redacted(reason)))
        }
        return .failure(
            DeliveryFailure(
                kind(status: status, message: reply["status_message"].string, http: http), reason: redacted(reason)))
    }

    /// The kinds of the codes ("Error codes"); the message tells a general error, whose number is none.
    private func kind(status: Int64?, message: String?, http: Int) -> DeliveryFailure.Kind {
        if http >= 500 || http == 408 { return .temporary }
        switch status {
        // The receiver is no user of Viber's, or has no device that bots reach.
        case 5, 11: return .gone
        // They are not subscribed (any more), or live where bots may not write.
        case 6, 21: return .blocked
        // The token, the account behind it, its webhook, its money.
        case 2, 7, 8, 9, 10, 15, 24: return .unauthorized
        case .some: return message?.lowercased().contains("general") == true ? .temporary : .refused
        case nil:
            switch http {
            case 401: return .unauthorized
            case 403: return .blocked
            case 404, 410: return .gone
            case 200..<300: return .uncertain
            default: return .refused
            }
        }
    }

    private func redacted(_ words: String) -> String {
        let words = String(words.prefix(200))
        let token = configuration.authToken.value
        return token.isEmpty
            ? words : words.split(separator: token, omittingEmptySubsequences: false).joined(separator: "…")
    }
}
