public import BridgeCore
internal import HTTPCore
internal import JSON

extension ViberAdapter: CredentialChecking {
    /// `get_account_info`.
    public func credentialChecks() -> [CredentialCheck] {
        [CredentialCheck(name: "bot token", request: webhookQuery())]
    }

    /// What the bot is called, and whether its webhook is set.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch reply(of: response) {
        case .success(let account):
            let name = "\(account["name"].string ?? "?") (\(account["subscribers_count"].int ?? 0) subscribers)"
            guard let url = account["webhook"].string, !url.isEmpty else {
                return .bad("\(name): no webhook is set, nobody can write to the bot (chatbridge webhooks set viber)")
            }
            return .good("\(name), \(url)")
        case .failure(let failure) where failure.kind == .unauthorized:
            return .bad("Viber refuses the token (\(failure)): copy it again from the bot's Edit Info screen")
        case .failure(let failure):
            return failure.isTemporary ? .warning("Viber could not say: \(failure)") : .bad("Viber refuses: \(failure)")
        }
    }
}

extension ViberAdapter: WebhookRegistering {
    /// The callbacks to ask for beyond those that always come.
    private static let callbacks = [
        "delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started",
    ]

    /// `get_account_info`, which names the webhook.
    public func webhookQuery() -> OutboundRequest { call("get_account_info") { _ in } }

    /// The webhook and the callbacks that it gets.
    public func interpretWebhookQuery(_ response: OutboundResponse) -> WebhookRegistration {
        switch reply(of: response) {
        case .failure(let failure): return .failed(failure)
        case .success(let account):
            guard let url = account["webhook"].string, !url.isEmpty else { return .none }
            let events = account["event_types"].elements.compactMap(\.string)
            return .registered(url: url, remarks: events.isEmpty ? [] : ["events: \(events.joined(separator: ", "))"])
        }
    }

    /// `set_webhook`; Viber tries the address before it answers, so the bridge must be running.
    public func registerWebhook(at url: String) -> OutboundRequest {
        call("set_webhook") { json in
            json.field("url", url)
            json.arrayField("event_types") { list in
                for name in Self.callbacks { list.value(name) }
            }
            json.field("send_name", true)
            json.field("send_photo", true)
        }
    }

    /// `set_webhook` without an address; nobody can write to the bot then.
    public func removeWebhook() -> OutboundRequest? { call("set_webhook") { $0.field("url", "") } }

    /// Why it failed, as an address that Viber cannot reach.
    public func interpretRegistration(_ response: OutboundResponse) -> DeliveryFailure? {
        if case .failure(let failure) = reply(of: response) { return failure }
        return nil
    }
}

extension ViberAdapter: MediaFetching {
    /// Media stand at addresses that anybody may fetch, for about an hour.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        if let response = responses.last {
            return response.status.isSuccess
                ? .content(contentType: nil) : .unavailable(reason: "HTTP \(response.status.code)")
        }
        guard let url = attachment.url else { return .unavailable(reason: "Viber gave no address of it") }
        guard let request = OutboundRequest.fetching(url, at: ["viber.com"], or: [configuration.apiBase]) else {
            return .unavailable(reason: "it is not at Viber")
        }
        return .request(request)
    }
}
