public import BridgeCore
internal import HTTPCore
internal import JSON

extension GoogleChatAdapter {
    /// What our names of messages begin with; `client-` is Google's demand.
    static let messageIDPrefix = "client-chatbridge-"

    /// A call of the Chat API; nil for typing, which apps cannot show, and for what has no address.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            message(in: action, capacity: text.utf8.count) { $0.field("text", GoogleChatText.rendered(text, format)) }
        case .edit(let message, let text, let format):
            call(
                .patch, "\(path(message.rawValue))?updateMask=text", capacity: text.utf8.count
            ) { $0.field("text", GoogleChatText.rendered(text, format)) }
        case .sendAttachment(let attachment, let caption):
            encode(attachment, caption: caption, in: action)
        case .sendBatch, .typing, .acknowledgeButton, .join:
            nil
        }
    }

    private func encode(
        _ attachment: OutboundAttachment, caption: String?, in action: OutboundAction
    ) -> OutboundRequest? {
        guard case .url(let url) = attachment.source, attachment.kind == .image else { return nil }
        return message(in: action, capacity: caption?.utf8.count ?? 0) { json in
            if let caption, !caption.isEmpty { json.field("text", GoogleChatText.plain(caption)) }
            json.arrayField("cardsV2") { cards in
                cards.object { card in
                    card.field("cardId", "image")
                    card.objectField("card") { inner in
                        inner.arrayField("sections") { sections in
                            sections.object { section in
                                section.arrayField("widgets") { widgets in
                                    widgets.object { widget in
                                        widget.objectField("image") { image in
                                            image.field("imageUrl", url)
                                            image.field("altText", attachment.name)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// A new message; its two names make a repeated call harmless.
    private func message(
        in action: OutboundAction, capacity: Int, _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        var query = "requestId=\(action.id)&messageId=\(Self.messageIDPrefix)\(action.id)"
        if action.place.thread != nil {
            query = "messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD&" + query
        }
        return call(.post, "\(path(action.place.conversation.rawValue))/messages?\(query)", capacity: capacity) {
            json in
            write(&json)
            if let thread = action.place.thread {
                json.objectField("thread") { $0.field("name", thread.rawValue) }
            }
        }
    }

    private func call(
        _ method: HTTPMethod, _ target: String, capacity: Int, _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 128)
        writer.object { write(&$0) }
        return OutboundRequest(
            method: method, url: "\(configuration.apiBase)/v1/\(target)",
            headers: ["Content-Type": "application/json; charset=utf-8"], body: writer.bytes)
    }

    /// A resource name in a path: its slashes stay.
    func path(_ name: String) -> String {
        name.split(separator: "/", omittingEmptySubsequences: false).map { HTTPPercentEncoding.encode(String($0)) }
            .joined(separator: "/")
    }

    /// What the API's answer means: a message, or `{"error":{"code":…,"status":…}}`
    /// (<https://cloud.google.com/apis/design/errors>).
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let status = response.status.code
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        let error = body["error"]
        if (200..<300).contains(status), !error.exists {
            if let name = body["name"].identifier { return .delivered(PlatformMessageID(name)) }
            if case .edit(let message, _, _) = action.kind, body.kind == .object { return .delivered(message) }
            return .failed(DeliveryFailure(.uncertain, reason: "HTTP \(status) without a message"))
        }
        let code = error["status"].string.map { String($0.prefix(80)) }
        // A repeated send, whose first answer was lost: the message is there, under the name that we gave it.
        if code == "ALREADY_EXISTS", case .edit = action.kind {
        } else if code == "ALREADY_EXISTS" {
            return .delivered(
                PlatformMessageID("\(action.place.conversation)/messages/\(Self.messageIDPrefix)\(action.id)"))
        }
        let detail = error["details"].elements.lazy.compactMap { $0["reason"].string }.first.map {
            String($0.prefix(80))
        }
        let reason = ["HTTP \(status)", code, detail].compactMap { $0 }.joined(separator: " ")
        return .failed(DeliveryFailure(kind(of: status, code, detail, response), reason: reason))
    }

    private func kind(
        of status: Int, _ code: String?, _ detail: String?, _ response: OutboundResponse
    ) -> DeliveryFailure.Kind {
        if status == 429 || code == "RESOURCE_EXHAUSTED" || detail == "RATE_LIMIT_EXCEEDED" {
            let delay = response.headers["Retry-After"].flatMap { Int64($0) }
            return .rateLimited(after: delay.map { .seconds(min(max($0, 0), 86_400)) })
        }
        switch status {
        case 401: return .unauthorized
        // The app is not in the space (any more), or it is not allowed to do this at all.
        case 403:
            let isOurs = [
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED", "CONSUMER_INVALID", "ACCOUNT_STATE_INVALID",
            ]
            return detail.map(isOurs.contains) == true ? .unauthorized : .blocked
        case 404, 410: return .gone
        case 408, 499, 500...: return .temporary
        default: return code == "UNAVAILABLE" || code == "INTERNAL" ? .temporary : .refused
        }
    }
}
