public import BridgeCore
internal import HTTPCore
internal import JSON

extension ZaloBotAdapter {
    /// The call for an action; nil for everything that the platform has no method for.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            return send(ZaloBotText.shown(text, format), to: action)
        case .sendAttachment(let attachment, let caption):
            return send(attachment, caption: caption, to: action)
        case .typing:
            return call("sendChatAction") { json in
                json.field("chat_id", action.place.conversation.rawValue)
                json.field("action", "typing")
            }
        case .sendBatch, .edit, .acknowledgeButton, .join:
            return nil
        }
    }

    private func send(_ text: String, to action: OutboundAction) -> OutboundRequest {
        call("sendMessage", capacity: text.utf8.count) { json in
            json.field("chat_id", action.place.conversation.rawValue)
            json.field("text", text)
        }
    }

    /// A picture, or a sound that `sendVoice` takes: to one person, `.aac`, without a caption.
    ///
    /// Anything else is a link.
    private func send(_ attachment: OutboundAttachment, caption: String?, to action: OutboundAction) -> OutboundRequest
    {
        let caption = caption.flatMap { $0.isEmpty ? nil : $0 }
        guard case .url(let url) = attachment.source else {
            return send(caption ?? attachment.name ?? "[\(attachment.kind.rawValue)]", to: action)
        }
        // "The caption, 1 to 2000 characters" (`sendPhoto`).
        if attachment.kind == .image, caption.map({ $0.utf16.count <= 2000 }) ?? true {
            return call("sendPhoto", capacity: url.utf8.count) { json in
                json.field("chat_id", action.place.conversation.rawValue)
                json.field("photo", url)
                json.field("caption", caption)
            }
        }
        if attachment.kind == .audio, caption == nil, url.hasSuffix(".aac"), !action.place.isGroup {
            return call("sendVoice", capacity: url.utf8.count) { json in
                json.field("chat_id", action.place.conversation.rawValue)
                json.field("voice_url", url)
            }
        }
        return send([caption, url].compactMap { $0 }.joined(separator: "\n"), to: action)
    }

    func call(
        _ method: String, capacity: Int = 0, _ write: (inout JSONWriter) -> Void = { _ in }
    ) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 128)
        writer.object { write(&$0) }
        return OutboundRequest(
            url: methods + method, headers: ["Content-Type": "application/json"], body: writer.bytes)
    }

    /// What the answer means: `ok` with a result, or an error code with a description, also with HTTP 200.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        switch reply(of: response) {
        case .success(let result): .delivered(result["message_id"].identifier.map { PlatformMessageID($0) })
        case .failure(let failure): .failed(failure)
        }
    }

    /// The `result` of an answer that says `ok`, or why there is none.
    func reply(of response: OutboundResponse) -> Result<JSONView, DeliveryFailure> {
        let http = response.status.code
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        let isOK = reply["ok"].bool
        if response.status.isSuccess, isOK == true { return .success(reply["result"]) }
        let code = reply["error_code"].idString.flatMap { Int($0) } ?? http
        let description = reply["description"].string
        let reason = description ?? (isOK == nil ? "HTTP \(http) without an answer of Zalo's" : "error \(code)")
        let words = reason.lowercased()
        let kind: DeliveryFailure.Kind
        switch code {
        case _ where http >= 500: kind = .temporary
        case 429:
            let delay = reply["parameters"]["retry_after"].int ?? response.headers["Retry-After"].flatMap { Int64($0) }
            kind = .rateLimited(after: delay.map { .seconds(min(max($0, 0), 86_400)) })
        case _ where http == 429: kind = .rateLimited(after: nil)
        case 401: kind = .unauthorized
        case 403: kind = .blocked
        // Of a wrong token the platform says that there is no such bot.
        case 404, 410: kind = words.contains("token") || words.contains("bot not found") ? .unauthorized : .gone
        case 400 where words.contains("chat not found") || words.contains("user not found"): kind = .gone
        case 408, 500...: kind = .temporary
        case 200..<300: kind = isOK == nil ? .uncertain : .refused
        default: kind = .refused
        }
        return .failure(DeliveryFailure(kind, reason: redacted(reason)))
    }

    /// The platform's words without our token, cut where they get long.
    private func redacted(_ description: String) -> String {
        let token = configuration.botToken.value
        let words = String(description.prefix(200))
        return token.isEmpty
            ? words : words.split(separator: token, omittingEmptySubsequences: false).joined(separator: "…")
    }
}
