public import BridgeCore
internal import HTTPCore
internal import JSON

extension ZaloBotAdapter: CredentialChecking {
    private static let tokenCheck = "bot token"

    /// `getMe` for the token, `getWebhookInfo` for how updates reach us.
    public func credentialChecks() -> [CredentialCheck] {
        [
            CredentialCheck(name: Self.tokenCheck, request: call("getMe")),
            CredentialCheck(name: "webhook", request: webhookQuery()),
        ]
    }

    /// What the bot is called, and whether its webhook fits the configuration.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch reply(of: response) {
        case .failure(let failure) where failure.kind == .unauthorized:
            return .bad("Zalo does not know this token (\(failure)): copy it again from Zalo Bot Manager's message")
        case .failure(let failure):
            return failure.isTemporary ? .warning("Zalo could not say: \(failure)") : .bad("Zalo refuses: \(failure)")
        case .success(let result):
            guard check.name == Self.tokenCheck else { return webhook(result["url"].string ?? "") }
            guard let name = result["account_name"].string ?? result["name"].string else {
                return .warning("getMe named no bot")
            }
            let groups = result["can_join_groups"].bool == true ? "may join groups" : "one-to-one chats only"
            return .good("\(name) (\(groups))")
        }
    }

    private func webhook(_ url: String) -> CredentialFinding {
        if configuration.isPollingEnabled {
            return url.isEmpty
                ? .good("no webhook is set; polling")
                : .bad("a webhook is set, so that Zalo refuses polling: remove it, or turn polling off")
        }
        if url.isEmpty {
            return .bad("no webhook is set: Zalo has nowhere to send to (chatbridge webhooks set zalobot)")
        }
        return .good(url)
    }
}

extension ZaloBotAdapter: WebhookRegistering {
    /// `getWebhookInfo`.
    public func webhookQuery() -> OutboundRequest { call("getWebhookInfo") }

    /// The webhook, and when it was set.
    public func interpretWebhookQuery(_ response: OutboundResponse) -> WebhookRegistration {
        switch reply(of: response) {
        case .failure(let failure): return failure.kind == .gone ? .none : .failed(failure)
        case .success(let info):
            guard let url = info["url"].string, !url.isEmpty else { return .none }
            let remarks = ZaloBotUpdateReader.time(info["updated_at"]).map { ["set at \($0)"] } ?? []
            return .registered(url: url, remarks: remarks)
        }
    }

    /// `setWebhook` with the secret of the configuration, without which Zalo refuses it.
    public func registerWebhook(at url: String) -> OutboundRequest {
        call("setWebhook") { json in
            json.field("url", url)
            json.field("secret_token", configuration.webhookSecret?.value)
        }
    }

    /// `deleteWebhook`.
    public func removeWebhook() -> OutboundRequest? { call("deleteWebhook") }

    /// Why it failed, as an address that nobody else can reach.
    public func interpretRegistration(_ response: OutboundResponse) -> DeliveryFailure? {
        if case .failure(let failure) = reply(of: response) { return failure }
        return nil
    }
}

extension ZaloBotAdapter: MediaFetching {
    /// Where Zalo keeps what people send, as far as anybody has told.
    private static let mediaDomains = [
        "zdn.vn", "zadn.vn", "zalo.me", "zalo.vn", "zaloapp.com", "zapps.me", "zaloplatforms.com", "dlmd.me", "dlfl.vn",
    ]

    /// Media stand at addresses that anybody may fetch.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        if let response = responses.last {
            return response.status.isSuccess
                ? .content(contentType: nil) : .unavailable(reason: "HTTP \(response.status.code)")
        }
        guard let url = attachment.url else { return .unavailable(reason: "Zalo gave no address of it") }
        guard let request = OutboundRequest.fetching(url, at: Self.mediaDomains, or: [configuration.apiBase]) else {
            return .unavailable(reason: "it is not at Zalo")
        }
        return .request(request)
    }
}
