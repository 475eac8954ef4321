public import BridgeCore
internal import HTTPCore
internal import JSON

extension MSTeamsAdapter {
    /// Where the connector listens for the conversation, in ``InboundEvent/replyContext``.
    static let serviceURLKey = "service_url"

    /// The connector's global address, for conversations of which we have no other
    /// (<https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/send-proactive-messages>, "Get the
    /// conversation ID, user ID, or channel ID", "serviceUrl").
    static let globalServiceURL = "https://smba.trafficmanager.net/teams"

    /// A call of the connector; nil for button presses, which the answer to the webhook has acknowledged, and for attachments
    /// that have no address.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            activity(.post, "activities", about: action, capacity: text.utf8.count) { json in
                json.field("type", "message")
                writeText(text, format, to: &json)
            }
        case .edit(let message, let text, let format):
            activity(
                .put, "activities/\(HTTPPercentEncoding.encode(message.rawValue))", about: action,
                capacity: text.utf8.count
            ) { json in
                json.field("type", "message")
                json.field("id", message.rawValue)
                writeText(text, format, to: &json)
            }
        case .typing:
            activity(.post, "activities", about: action) { $0.field("type", "typing") }
        case .sendAttachment(let attachment, let caption):
            encode(attachment, caption: caption, in: action)
        case .sendBatch, .acknowledgeButton, .join:
            nil
        }
    }

    private func encode(
        _ attachment: OutboundAttachment, caption: String?, in action: OutboundAction
    ) -> OutboundRequest? {
        guard case .url(let url) = attachment.source, attachment.kind == .image else { return nil }
        return activity(.post, "activities", about: action, capacity: caption?.utf8.count ?? 0) { json in
            json.field("type", "message")
            if let caption, !caption.isEmpty { writeText(caption, .plain, to: &json) }
            json.arrayField("attachments") { list in
                list.object { item in
                    item.field("contentType", attachment.contentType ?? "image/*")
                    item.field("contentUrl", url)
                    item.field("name", attachment.name)
                }
            }
        }
    }

    private func writeText(_ text: String, _ format: OutboundAction.Format, to json: inout JSONWriter) {
        json.field("text", MSTeamsText.rendered(text, format))
        json.field("textFormat", format == .markdown ? "markdown" : "plain")
    }

    private func activity(
        _ method: HTTPMethod, _ path: String, about action: OutboundAction, capacity: Int = 0,
        _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        // The address came with the activity. Its token names it, too; but a token for our answers goes to Microsoft alone.
        let given = action.replyContext[Self.serviceURLKey].flatMap { url in
            WebOrigin(url)?.isWithin(Self.connectorDomains) == true ? url : nil
        }
        var base = configuration.apiBase ?? given ?? Self.globalServiceURL
        if base.hasSuffix("/") { base.removeLast() }
        let conversation = HTTPPercentEncoding.encode(MSTeamsConversation.id(of: action.place))
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 128)
        writer.object { write(&$0) }
        return OutboundRequest(
            method: method, url: "\(base)/v3/conversations/\(conversation)/\(path)",
            headers: ["Content-Type": "application/json; charset=utf-8"], body: writer.bytes,
            isUntrustedAddress: configuration.apiBase == nil && given != nil)
    }

    /// What the connector's answer means: an id, or `{"error":{"code":…,"message":…}}`.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let status = response.status.code
        let body = response.body.isEmpty ? nil : try? JSONView(parsing: response.body)
        let error = body?["error"] ?? .missing
        if (200..<300).contains(status), !error.exists {
            // Updates and messages that the connector splits come back without an id; a proxy's page is no answer.
            guard response.body.isEmpty || body?.kind == .object else {
                return .failed(DeliveryFailure(.uncertain, reason: "HTTP \(status) without an answer of the connector"))
            }
            if case .edit(let message, _, _) = action.kind { return .delivered(message) }
            return .delivered(body?["id"].identifier.map { PlatformMessageID($0) })
        }
        // The codes are short words; the messages may repeat what was sent.
        let code = error["code"].string.map { String($0.prefix(80)) }
        let reason = code.map { "HTTP \(status) \($0)" } ?? "HTTP \(status)"
        return .failed(DeliveryFailure(kind(of: status, code: code, response: response), reason: reason))
    }

    private func kind(of status: Int, code: String?, response: OutboundResponse) -> DeliveryFailure.Kind {
        switch code {
        case "ConversationNotFound", "ActivityNotFoundInConversation", "BotNotInConversationRoster":
            return .gone
        case "ConversationBlockedByUser", "MessageWritesBlocked", "BotDisabledByAdmin":
            return .blocked
        default: break
        }
        switch status {
        case 429:
            let delay = response.headers["Retry-After"].flatMap { Int64($0) }
            return .rateLimited(after: delay.map { .seconds(min(max($0, 0), 86_400)) })
        case 401: return .unauthorized
        case 403: return .blocked
        case 404, 410: return .gone
        // "Retry" for 412 too ("Optimize your bot with rate limiting", "Handle HTTP 429").
        case 408, 412, 500...: return .temporary
        default: return .refused
        }
    }
}
