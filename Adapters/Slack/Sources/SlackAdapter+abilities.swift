public import BridgeCore
internal import HTTPCore
internal import JSON

extension SlackAdapter: CredentialChecking {
    /// `auth.test`, and with an app-level token `apps.connections.open`, whose address is not used.
    public func credentialChecks() -> [CredentialCheck] {
        let bot = CredentialCheck(name: "bot token", request: call("auth.test") { _ in })
        guard isGatewayEnabled else { return [bot] }
        return [bot, CredentialCheck(name: Self.appTokenCheck, request: connectionRequest())]
    }

    private static let appTokenCheck = "app-level token"

    /// Who the token belongs to.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch reply(of: response) {
        case .success where check.name == Self.appTokenCheck:
            return .good("Socket Mode is open")
        case .failure(let failure) where check.name == Self.appTokenCheck && !failure.isTemporary:
            return .bad(
                "Slack opens no Socket Mode connection (\(failure)): take an app-level token (xapp-…) with the scope"
                    + " connections:write, and switch Socket Mode on")
        case .success(let reply):
            let name = "\(reply["user"].string ?? "?") in \(reply["team"].string ?? "?")"
            guard reply["bot_id"].exists else {
                return .warning("\(name): this is no bot token; take the Bot User OAuth Token (xoxb-…)")
            }
            return .good(name)
        case .failure(let failure) where failure.kind == .unauthorized:
            return .bad("Slack refuses the token (\(failure)): copy it again from OAuth & Permissions")
        case .failure(let failure) where failure.isTemporary:
            return .warning("Slack could not say: \(failure)")
        case .failure(let failure):
            return .bad("Slack refuses: \(failure)")
        }
    }
}

extension SlackAdapter: Simulating {
    /// A direct message from an invented user, signed as Slack would sign it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        let micros = String(now.microseconds % 1_000_000)
        let ts = "\(now.seconds).\(String(repeating: "0", count: max(0, 6 - micros.count)))\(micros)"
        var writer = JSONWriter()
        writer.object { root in
            root.field("type", "event_callback")
            root.field("team_id", "T0SIMULATED")
            root.field("event_id", "EvSIMULATED\(number)")
            root.field("event_time", now.seconds)
            root.objectField("event") { event in
                event.field("type", "message")
                event.field("channel", "D0SIMULATED")
                event.field("channel_type", "im")
                event.field("user", "U0SIMULATED")
                event.field("text", SlackText.escaped(text))
                event.field("ts", ts)
                event.field("event_ts", ts)
            }
        }
        let timestamp = String(now.seconds)
        return WebhookRequest(
            target: "/webhooks/slack",
            headers: [
                "Content-Type": "application/json", SlackSignature.timestampField: timestamp,
                SlackSignature.signatureField: signature.sign(writer.bytes, timestamp: timestamp),
            ], body: writer.bytes)
    }
}
