public import BridgeCore
internal import HTTPCore
internal import JSON

extension TelegramAdapter: CredentialChecking {
    private static let tokenCheck = "bot token"
    private static let webhookCheck = "webhook"

    /// `getMe` for the token, `getWebhookInfo` for how updates reach us.
    public func credentialChecks() -> [CredentialCheck] {
        [
            CredentialCheck(name: Self.tokenCheck, request: OutboundRequest(method: .get, url: methods.getMe)),
            CredentialCheck(
                name: Self.webhookCheck, request: OutboundRequest(method: .get, url: methods.getWebhookInfo)),
        ]
    }

    /// What the bot is called, and whether its webhook works.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch reply(of: response) {
        case .failure(let failure) where failure.kind == .unauthorized:
            return .bad("Telegram does not know this token: copy it again from @BotFather (/mybots, API Token)")
        case .failure(let failure) where failure.isTemporary:
            return .warning("Telegram could not say: \(failure)")
        case .failure(let failure):
            return .bad("Telegram refuses: \(failure)")
        case .success(let result):
            return check.name == Self.tokenCheck ? bot(result) : webhook(result)
        }
    }

    private func bot(_ user: JSONView) -> CredentialFinding {
        guard let name = user["username"].string else { return .warning("getMe named no bot") }
        let privacy = user["can_read_all_group_messages"].bool == true ? "reads all messages in groups" : "privacy mode"
        return .good("@\(name) (\(privacy))")
    }

    private func webhook(_ info: JSONView) -> CredentialFinding {
        let url = info["url"].string ?? ""
        let pending = info["pending_update_count"].int ?? 0
        if configuration.isPollingEnabled {
            return url.isEmpty
                ? .good("no webhook is set; polling, \(pending) updates wait")
                : .bad("a webhook is set, so that Telegram refuses polling: remove it, or turn polling off")
        }
        if url.isEmpty {
            return .bad("no webhook is set: Telegram has nowhere to send to; set one, or turn polling on")
        }
        if configuration.webhookSecret == nil {
            return .bad("a webhook is set but no webhook secret is configured: every webhook is refused")
        }
        if let error = info["last_error_message"].string {
            let when = info["last_error_date"].int.map { " at \(Timestamp(seconds: $0))" } ?? ""
            return .warning("\(url): last error\(when): \(error.prefix(200)); \(pending) updates wait")
        }
        return .good("\(url), \(pending) updates wait")
    }
}
