public import BridgeCore
internal import HTTPCore
internal import JSON

extension TelegramAdapter {
    /// What the Bot API's answer means: `ok` with a result, or an error code with a description and parameters.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        switch reply(of: response) {
        case .success(let result):
            return .delivered(messageID(in: result, of: action))
        case .failure(let failure):
            // Telegram calls an edit that changes nothing an error.
            if case .edit(let message, _, _) = action.kind, failure.reason.hasSuffix(Self.notModified) {
                return .delivered(message)
            }
            // Plain words cannot be refused for their formatting; without this, a retry would go round for ever.
            if failure.kind == .formattingRefused, !action.isMarkdown {
                return .failed(DeliveryFailure(.refused, reason: failure.reason))
            }
            return .failed(failure)
        }
    }

    private func messageID(in result: JSONView, of action: OutboundAction) -> PlatformMessageID? {
        if let id = result["message_id"].identifier { return PlatformMessageID(id) }
        if let id = result["inline_message_id"].string { return .inline(id) }
        if case .edit(let message, _, _) = action.kind { return message }
        return nil
    }

    private static let notModified = "message is not modified"

    /// The `result` of an answer of the Bot API, or why there is none.
    func reply(of response: OutboundResponse) -> Result<JSONView, DeliveryFailure> {
        let status = response.status.code
        guard let reply = try? JSONView(parsing: response.body), let isOK = reply["ok"].bool else {
            return .failure(foreignAnswer(response))
        }
        if isOK { return .success(reply["result"]) }
        let code = reply["error_code"].int.map { Int(clamping: $0) } ?? status
        let description = reply["description"].string ?? "error \(code)"
        let parameters = reply["parameters"]
        if let chat = parameters["migrate_to_chat_id"].identifier {
            return .failure(
                .init(.conversationMoved(to: ConversationID(chat)), reason: "the group became a supergroup"))
        }
        if code == 429 {
            // Capped at a day only so that nonsense cannot overflow; Telegram asks for seconds, at worst for hours.
            let delay = parameters["retry_after"].int.map { Duration.seconds(min(max($0, 0), 86_400)) }
            return .failure(.init(.rateLimited(after: delay), reason: "Too Many Requests"))
        }
        return .failure(meaning(of: description, code: code))
    }

    /// The failure of a code and description, as in `400`, `Bad Request: chat not found`.
    private func meaning(of description: String, code: Int) -> DeliveryFailure {
        let words = description.lowercased()
        func says(_ phrases: String...) -> Bool { phrases.contains { words.contains($0) } }
        let kind: DeliveryFailure.Kind
        switch code {
        case 400 where says("can't parse entities", "can't parse message text", "unsupported parse_mode"):
            // The description goes on with a piece of the text: it is not repeated.
            return DeliveryFailure(.formattingRefused, reason: "Bad Request: can't parse entities")
        case 400 where says(Self.notModified):
            return DeliveryFailure(.refused, reason: "Bad Request: \(Self.notModified)")
        case 400
        where says(
            "chat not found", "message to edit not found", "message can't be edited", "message thread not found",
            "message_id_invalid", "peer_id_invalid", "topic_closed", "topic_deleted", "user not found"):
            kind = .gone
        case 401, 404: kind = .unauthorized
        case 403: kind = .blocked
        case 409, 500...: kind = .temporary
        default: kind = .refused
        }
        return DeliveryFailure(kind, reason: redacted(description))
    }

    /// The failure of an answer that is not the Bot API's: a proxy's page, half a body.
    private func foreignAnswer(_ response: OutboundResponse) -> DeliveryFailure {
        let reason = "HTTP \(response.status.code) without an answer of the Bot API"
        switch response.status.code {
        case 401, 404: return DeliveryFailure(.unauthorized, reason: reason)
        case 403: return DeliveryFailure(.blocked, reason: reason)
        case 429:
            let delay = response.headers["Retry-After"].flatMap { Int64($0) }.map {
                Duration.seconds(min(max($0, 0), 86_400))
            }
            return DeliveryFailure(.rateLimited(after: delay), reason: reason)
        case 408, 500...: return DeliveryFailure(.temporary, reason: reason)
        case 200..<300: return DeliveryFailure(.uncertain, reason: reason)
        default: return DeliveryFailure(.refused, reason: reason)
        }
    }

    /// The platform's words without our token, cut where they get long.
    private func redacted(_ description: String) -> String {
        let token = configuration.botToken.value
        let words = String(description.prefix(200))
        return token.isEmpty
            ? words : words.split(separator: token, omittingEmptySubsequences: false).joined(separator: "…")
    }
}

extension OutboundAction {
    var isMarkdown: Bool {
        switch kind {
        case .send(_, let format), .edit(_, _, let format): format == .markdown
        default: false
        }
    }
}
