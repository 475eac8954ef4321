public import BridgeCore
internal import JSON
internal import MetaGraph

extension MessengerAdapter: AttachmentUploading {
    /// One form to `/me/message_attachments`, which names the bytes.
    public func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep {
        messaging.upload(attachment, for: action, after: responses)
    }
}

extension MessengerAdapter: MediaFetching {
    /// One request without our token: the addresses are public, and expire.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        messaging.fetchMedia(attachment, after: responses)
    }
}

extension MessengerAdapter: CredentialChecking {
    private static let tokenCheck = "page access token"
    private static let subscriptionCheck = "page subscription"

    /// Asks what the page is called, and which apps get its messages.
    public func credentialChecks() -> [CredentialCheck] {
        [
            CredentialCheck(name: Self.tokenCheck, request: messaging.api.get("/me?fields=id,name")),
            CredentialCheck(name: Self.subscriptionCheck, request: messaging.api.get("/me/subscribed_apps")),
        ]
    }

    /// The page's name, and whether its messages come to an app at all.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch messaging.api.reply(of: response) {
        case .success(let reply) where check.name == Self.tokenCheck:
            return .good(reply["name"].string ?? "page \(reply["id"].identifier ?? "?")")
        case .success(let reply):
            return subscription(reply["data"])
        case .failure(let failure) where failure.kind == .unauthorized && check.name == Self.tokenCheck:
            return .bad("Meta refuses the token: \(failure); generate one for the page under Messenger, Settings")
        case .failure(let failure) where failure.isTemporary:
            return .warning("Meta could not say: \(failure)")
        case .failure(let failure) where check.name == Self.subscriptionCheck:
            return .warning("Meta does not say which apps the page is subscribed to: \(failure)")
        case .failure(let failure):
            return .bad("Meta refuses: \(failure)")
        }
    }

    private func subscription(_ apps: JSONView) -> CredentialFinding {
        let advice = "add the page under Messenger, Settings, Webhooks and subscribe it to messages"
        guard apps.count > 0 else { return .bad("the page is subscribed to no app: \(advice)") }
        let subscribed = apps.elements.first { app in
            app["subscribed_fields"].elements.contains { $0.string == "messages" }
        }
        guard let subscribed else { return .bad("the page does not send its messages to any app: \(advice)") }
        return .good("messages go to the app \(subscribed["name"].string ?? subscribed["id"].identifier ?? "?")")
    }
}

extension MessengerAdapter: Faking {
    /// A text message from an invented person, signed as Meta would sign it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        messaging.simulateWebhook(text: text, number: number, signedBy: webhook, at: now)
    }

    /// Plays `/me/messages`, `/me/message_attachments` and what the trial of the credentials asks.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        messaging.fakeAnswer(to: request, number: number)
    }

    /// Graph's errors for each fault; Messenger has no formatting to refuse.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        messaging.fakeFault(fault)
    }
}
