public import BridgeCore
internal import HTTPCore
internal import JSON

extension FeishuAdapter: TokenRefreshing {
    /// The token of an app that belongs to one tenant
    /// (<https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal>).
    public func tokenRequest(stored: String?, at now: Timestamp) -> OutboundRequest {
        var request = call(.post, "auth/v3/tenant_access_token/internal") { json in
            json.field("app_id", configuration.appID)
            json.field("app_secret", configuration.appSecret.value)
        }
        request.bearsToken = false
        return request
    }

    /// A token for two hours, or a code.
    public func interpretToken(_ response: OutboundResponse, stored: String?, at now: Timestamp) -> TokenOutcome {
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        guard let code = body["code"].int else {
            let failure = FeishuFailure.foreign(response)
            // A page instead of a token: there is none, and asking again does no harm.
            return .failed(failure.kind == .uncertain ? DeliveryFailure(.temporary, reason: failure.reason) : failure)
        }
        guard code == 0, let token = body["tenant_access_token"].identifier else {
            let failure = FeishuFailure.failure(code: code, response: response, isMarkdown: false)
            return .failed(failure.kind == .refused ? DeliveryFailure(.unauthorized, reason: failure.reason) : failure)
        }
        let seconds = body["expire"].int ?? 7200
        return .token(
            AccessToken(value: Secret(token), expiresAt: now.advanced(by: .seconds(min(max(seconds, 0), 31_536_000)))))
    }

    /// A bearer token.
    public func authorize(_ request: inout OutboundRequest, with token: Secret) {
        request.headers["Authorization"] = "Bearer \(token.value)"
    }
}

extension FeishuAdapter: CredentialChecking {
    /// A token, as for an answer.
    public func credentialChecks() -> [CredentialCheck] {
        [CredentialCheck(name: "app id and secret", request: tokenRequest(stored: nil, at: .now()))]
    }

    /// Whether there is a token.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch interpretToken(response, stored: nil, at: .now()) {
        case .token:
            return .good("Feishu issues tokens for the app \(configuration.appID)")
        case .failed(let failure) where failure.isTemporary:
            return .warning("Feishu could not say: \(failure)")
        case .failed(let failure):
            return .bad(
                "Feishu issues no token (\(failure)): check FEISHU_APP_ID and FEISHU_APP_SECRET, and FEISHU_API_BASE for Lark"
            )
        }
    }
}
