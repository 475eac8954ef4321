public import BridgeCore
internal import HTTPCore
internal import JSON

extension DiscordAdapter: CredentialChecking {
    /// `GET /applications/@me`, which also shows the intents and the interactions endpoint.
    public func credentialChecks() -> [CredentialCheck] {
        [
            CredentialCheck(
                name: "bot token",
                request: OutboundRequest(
                    method: .get, url: "\(configuration.apiBase)/applications/@me", headers: headers))
        ]
    }

    /// Whether token, application id and public key belong together, and what the application may not see.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        guard response.status.isSuccess, let reply = try? JSONView(parsing: response.body), reply["id"].exists else {
            switch response.status.code {
            case 401:
                return .bad("Discord refuses the token: reset it under Bot and copy it to DISCORD_BOT_TOKEN")
            case 429, 500...: return .warning("Discord could not say (HTTP \(response.status.code))")
            default: return .bad("Discord answers HTTP \(response.status.code)")
            }
        }
        let name = reply["name"].identifier ?? "?"
        if let id = reply["id"].identifier, id != configuration.applicationID {
            return .bad("the token belongs to \(name) (\(id)), not to DISCORD_APPLICATION_ID")
        }
        if let key = reply["verify_key"].identifier, key.lowercased() != configuration.publicKey.lowercased() {
            return .bad("DISCORD_PUBLIC_KEY is not that of \(name): copy it again from General Information")
        }
        let flags = reply["flags"].int ?? 0
        // 18 and 19: the Message Content intent, for bots in more and in fewer than 100 servers ("Application resource").
        if configuration.isGatewayEnabled, flags & (1 << 18 | 1 << 19) == 0 {
            return .warning(
                "\(name): the Message Content intent is off, the Gateway will refuse the bot: switch it on under Bot,"
                    + " or set DISCORD_GATEWAY=false")
        }
        if configuration.isGatewayEnabled, let endpoint = reply["interactions_endpoint_url"].identifier {
            return .good("\(name); interactions go to \(endpoint)")
        }
        if !configuration.isGatewayEnabled, reply["interactions_endpoint_url"].identifier == nil {
            return .warning(
                "\(name): no Interactions Endpoint URL is set and DISCORD_GATEWAY is false, so nothing comes in")
        }
        return .good(name)
    }
}
