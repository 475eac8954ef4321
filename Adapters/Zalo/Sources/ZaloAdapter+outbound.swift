public import BridgeCore
internal import HTTPCore
internal import JSON

extension ZaloAdapter {
    /// A consultation message; nil for everything that Zalo has no call for.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            return message(to: action, capacity: text.utf8.count) { json in
                json.field("text", ZaloText.shown(text, format))
            }
        case .sendAttachment(let attachment, let caption):
            return message(to: action, capacity: 512) { json in write(attachment, caption: caption, to: &json) }
        case .sendBatch, .edit, .typing, .acknowledgeButton, .join:
            return nil
        }
    }

    /// Writes a picture by its address or its id, or a file by its token; anything else becomes its link.
    private func write(_ attachment: OutboundAttachment, caption: String?, to json: inout JSONWriter) {
        let caption = caption.flatMap { $0.isEmpty ? nil : $0 }
        switch (attachment.kind, attachment.source) {
        case (.image, .url(let url)):
            json.field("text", caption)
            writePicture(to: &json) { $0.field("url", url) }
        case (.image, .uploaded(let id)):
            json.field("text", caption)
            writePicture(to: &json) { $0.field("attachment_id", id) }
        case (.file, .uploaded(let token)):
            json.objectField("attachment") { attachment in
                attachment.field("type", "file")
                attachment.objectField("payload") { $0.field("token", token) }
            }
        case (_, .url(let url)):
            json.field("text", [caption, url].compactMap { $0 }.joined(separator: "\n"))
        default:
            json.field("text", caption ?? attachment.name ?? "[\(attachment.kind.rawValue)]")
        }
    }

    private func writePicture(to json: inout JSONWriter, _ source: (inout JSONWriter) -> Void) {
        json.objectField("attachment") { attachment in
            attachment.field("type", "template")
            attachment.objectField("payload") { payload in
                payload.field("template_type", "media")
                payload.arrayField("elements") { elements in
                    elements.object { element in
                        element.field("media_type", "image")
                        source(&element)
                    }
                }
            }
        }
    }

    private func message(
        to action: OutboundAction, capacity: Int, _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 256)
        writer.object { json in
            json.objectField("recipient") { recipient in
                let person = action.place.conversation.rawValue
                if let conversation = action.replyContext[ReplyContextKey.anonymousConversation] {
                    recipient.field("anonymous_id", person)
                    if !conversation.isEmpty { recipient.field("conversation_id", conversation) }
                } else {
                    recipient.field("user_id", person)
                }
            }
            json.objectField("message") { write(&$0) }
        }
        return OutboundRequest(
            url: "\(configuration.apiBase)/v3.0/oa/message/cs", headers: ["Content-Type": "application/json"],
            body: writer.bytes)
    }

    // MARK: Answers

    /// What Zalo's answer means: failures come with HTTP 200 and an `error` other than 0.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        switch reply(of: response) {
        case .success(let data): .delivered(data["message_id"].identifier.map { PlatformMessageID($0) })
        case .failure(let failure): .failed(failure)
        }
    }

    /// The `data` of an answer whose `error` is 0, or why there is none.
    func reply(of response: OutboundResponse) -> Result<JSONView, DeliveryFailure> {
        let http = response.status.code
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        let code = reply["error"].idString.flatMap { Int64($0) }
        if response.status.isSuccess, code == 0 { return .success(reply["data"]) }
        let message = reply["message"].string ?? reply["error_name"].string ?? ""
        let reason = code.map { "\($0) \(message)" } ?? "HTTP \(http) without an answer of Zalo's"
        let kind: DeliveryFailure.Kind
        if http == 429 || code == -32 {
            let delay = response.headers["Retry-After"].flatMap { Int64($0) }
            kind = .rateLimited(after: delay.map { .seconds(min(max($0, 0), 86_400)) })
        } else if http >= 500 || http == 408 {
            kind = .temporary
        } else if let code, code != 0 {
            kind = Self.kind(of: code, message: message.lowercased())
        } else {
            switch http {
            case 401: kind = .unauthorized
            case 403: kind = .blocked
            case 404, 410: kind = .gone
            case 200..<300: kind = .uncertain
            default: kind = .refused
            }
        }
        return .failure(DeliveryFailure(kind, reason: redacted(reason)))
    }

    /// The kinds of the codes.
    ///
    /// An older meaning of −201 to −216 is about too: what the words say plainly goes before the number.
    private static func kind(of code: Int64, message: String) -> DeliveryFailure.Kind {
        if message.contains("access token") || message.contains("access_token") { return .unauthorized }
        switch code {
        case -216, -220, -124: return .unauthorized
        // No word of the user in seven days, or none at all; the quota of this user or of the account is used up. A new
        // message of theirs opens the way again.
        case -230, -232, -211, -218: return .windowClosed
        // No follower, blocked, restricted, banned or long gone.
        case -213, -217, -244, -227: return .blocked
        case -200: return .temporary
        // A wrong parameter, a package that is needed, an account that is not verified, a right or money that is missing.
        case -201, -210, -221, -223, -224, -233, -240, -321: return .refused
        default: break
        }
        if message.contains("quota") { return .windowClosed }
        if message.contains("block") || message.contains("not follow") { return .blocked }
        if message.contains("rate limit") || message.contains("too many") { return .rateLimited(after: nil) }
        return .refused
    }

    /// The platform's words without our secrets, cut where they get long.
    func redacted(_ words: String) -> String {
        var words = String(words.prefix(200))
        for secret in [
            configuration.accessToken, configuration.refreshToken, configuration.appSecret, configuration.oaSecretKey,
        ] where !secret.value.isEmpty {
            words = words.split(separator: secret.value, omittingEmptySubsequences: false).joined(separator: "…")
        }
        return words
    }
}
