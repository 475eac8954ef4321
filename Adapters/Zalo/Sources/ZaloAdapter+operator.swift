public import BridgeCore
internal import HTTPCore
internal import JSON

extension ZaloAdapter: CredentialChecking {
    /// Asks for the account's own data.
    public func credentialChecks() -> [CredentialCheck] {
        [
            CredentialCheck(
                name: "access token",
                request: OutboundRequest(
                    method: .get, url: "\(configuration.apiBase)/v2.0/oa/getoa",
                    headers: ["access_token": configuration.accessToken.value]))
        ]
    }

    /// What the account is called.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch reply(of: response) {
        case .success(let account):
            return .good("\(account["name"].string ?? "?") (\(account["oa_id"].identifier ?? "?"))")
        case .failure(let failure) where failure.kind == .unauthorized:
            // The bridge renews it when it is needed.
            return .warning(
                "Zalo refuses the access token (\(failure)): the bridge renews it by the refresh token; if that fails,"
                    + " authorise the account again")
        case .failure(let failure):
            return failure.isTemporary ? .warning("Zalo could not say: \(failure)") : .bad("Zalo refuses: \(failure)")
        }
    }
}
