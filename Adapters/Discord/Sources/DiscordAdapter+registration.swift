public import BridgeCore
internal import HTTPCore
internal import JSON

extension DiscordAdapter: WebhookRegistering {
    /// `GET /applications/@me`, which names the Interactions Endpoint URL.
    public func webhookQuery() -> OutboundRequest {
        OutboundRequest(method: .get, url: "\(configuration.apiBase)/applications/@me", headers: headers)
    }

    /// The Interactions Endpoint URL; without one interactions come through the Gateway.
    public func interpretWebhookQuery(_ response: OutboundResponse) -> WebhookRegistration {
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        guard response.status.isSuccess, reply["id"].exists else {
            return .failed(
                interpretRegistration(response)
                    ?? DeliveryFailure(.temporary, reason: "an answer that is not of Discord's API"))
        }
        guard let url = reply["interactions_endpoint_url"].identifier else { return .none }
        let events = reply["event_webhooks_url"].identifier.map { ["webhook events go to \($0)"] } ?? []
        return .registered(url: url, remarks: events)
    }

    /// `PATCH /applications/@me`; Discord tries the URL at once with right and wrong signatures, so the bridge must be running.
    public func registerWebhook(at url: String) -> OutboundRequest {
        call(.patch, "/applications/@me") { $0.field("interactions_endpoint_url", url) }
    }

    /// The same with no URL: interactions come through the Gateway then.
    public func removeWebhook() -> OutboundRequest? {
        call(.patch, "/applications/@me") { $0.nullField("interactions_endpoint_url") }
    }

    /// Why it failed; mostly because Discord could not verify the URL.
    public func interpretRegistration(_ response: OutboundResponse) -> DeliveryFailure? {
        if response.status.isSuccess { return nil }
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        switch response.status.code {
        case 400:
            return DeliveryFailure(
                .refused,
                reason: "Discord could not verify the URL: the bridge must be running there, with the application's"
                    + " DISCORD_PUBLIC_KEY")
        case 401: return DeliveryFailure(.unauthorized, reason: "Discord refuses the bot's token")
        case 429: return Self.rateLimited(response, reply)
        case 408, 500...: return DeliveryFailure(.temporary, reason: "HTTP \(response.status.code)")
        default: return DeliveryFailure(.refused, reason: "HTTP \(response.status.code)")
        }
    }
}
