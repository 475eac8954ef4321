import BridgeCore
import Crypto
import HTTPCore
import JSON

/// A whole adapter, for the imaginary messenger Pigeon: what docs/adapters.md shows of how to write one.
struct PigeonAdapter: Adapter {
    let platform = PlatformName("pigeon")
    let capabilities = Capabilities(textLimit: .init(500, .scalars))
    let token: Secret

    func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard constantTimeEquals(request.headers["Pigeon-Token"] ?? "", token.value) else {
            throw WebhookRejection(.unauthorized, "the header Pigeon-Token is missing or wrong")
        }
        guard let body = try? JSONView(parsing: request.body), let id = body["id"].identifier else {
            throw WebhookRejection(.malformed, "the body is no JSON object with an id")
        }
        let text = body["text"].string
        return WebhookOutcome(events: [
            InboundEvent(
                id: EventID(id), kind: text == nil ? .event : .text, disposition: text == nil ? .record : .answer,
                place: .init(conversation: ConversationID(body["loft"].identifier ?? "unknown")),
                sender: body["from"].identifier.map { .init(id: PlatformUserID($0)) }, text: text)
        ])
    }

    func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        guard case .send(let text, _) = action.kind else { return nil }
        var json = JSONWriter()
        json.object {
            $0.field("loft", action.place.conversation.rawValue)
            $0.field("text", text)
        }
        return OutboundRequest(
            url: "https://pigeon.example/send",
            headers: ["Content-Type": "application/json", "Pigeon-Token": token.value], body: json.bytes)
    }

    func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        switch response.status.code {
        case 200..<300: .delivered(nil)
        case 429: .failed(DeliveryFailure(.rateLimited(after: nil), reason: "too many pigeons"))
        case 500...: .failed(DeliveryFailure(.temporary, reason: "no pigeon flies"))
        default: .failed(DeliveryFailure(.refused, reason: "HTTP \(response.status)"))
        }
    }
}
