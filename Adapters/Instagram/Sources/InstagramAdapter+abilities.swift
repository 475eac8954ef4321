public import BridgeCore
internal import JSON
internal import MetaGraph

extension InstagramAdapter: MediaFetching {
    /// One request without our token: the addresses are public, and expire.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        messaging.fetchMedia(attachment, after: responses)
    }
}

extension InstagramAdapter: CredentialChecking {
    /// Asks what the account is called, by the token; with Facebook Login it is the page's that tells.
    public func credentialChecks() -> [CredentialCheck] {
        let isInstagramLogin = messaging.api.base.contains("graph.instagram.com")
        let fields = isInstagramLogin ? "user_id,username" : "name,instagram_business_account%7Busername%7D"
        return [CredentialCheck(name: "access token", request: messaging.api.get("/me?fields=\(fields)"))]
    }

    /// The account's name.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch messaging.api.reply(of: response) {
        case .success(let reply):
            let account = reply["username"].string ?? reply["instagram_business_account"]["username"].string
            if let account { return .good("@\(account)") }
            let page = reply["name"].string ?? reply["id"].identifier ?? "?"
            return .warning("\(page): no Instagram professional account is linked to this page")
        case .failure(let failure) where failure.kind == .unauthorized:
            return .bad("Meta refuses the token: \(failure); generate it again under Instagram, API setup")
        case .failure(let failure) where failure.isTemporary:
            return .warning("Meta could not say: \(failure)")
        case .failure(let failure):
            return .bad("Meta refuses: \(failure)")
        }
    }
}

extension InstagramAdapter: Faking {
    /// A text message from an invented person, signed as Meta would sign it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        messaging.simulateWebhook(text: text, number: number, signedBy: webhook, at: now)
    }

    /// Plays `/me/messages` and what the trial of the credentials asks.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        messaging.fakeAnswer(to: request, number: number)
    }

    /// Graph's errors for each fault; Instagram has no formatting to refuse.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        messaging.fakeFault(fault)
    }
}
