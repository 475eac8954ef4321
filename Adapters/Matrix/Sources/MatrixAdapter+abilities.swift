public import BridgeCore
internal import HTTPCore
internal import JSON

extension MatrixAdapter: CredentialChecking {
    private static let serverCheck = "homeserver"
    private static let tokenCheck = "application service"

    /// `versions` for the homeserver's address, `whoami` for the token and our user.
    public func credentialChecks() -> [CredentialCheck] {
        [
            CredentialCheck(
                name: Self.serverCheck,
                request: OutboundRequest(method: .get, url: "\(configuration.apiBase)/_matrix/client/versions")),
            CredentialCheck(name: Self.tokenCheck, request: call(.get, "account/whoami")),
        ]
    }

    /// What the homeserver speaks, and who it takes us for.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch reply(of: response) {
        case .success(let reply):
            if check.name == Self.serverCheck {
                guard let version = reply["versions"].elements.compactMap(\.string).last else {
                    return .bad("no homeserver answers at this address: check MATRIX_HOMESERVER")
                }
                return .good("speaks Matrix up to \(version.prefix(20))")
            }
            guard let user = reply["user_id"].string else { return .warning("whoami named no user") }
            guard user == configuration.userID else {
                return .bad("the homeserver takes us for \(user.prefix(255)), not for MATRIX_USER_ID")
            }
            return .good(user)
        case .failure(let failure) where failure.isTemporary:
            return .warning("the homeserver could not say: \(failure)")
        case .failure(let failure) where check.name == Self.serverCheck:
            return .bad("no homeserver answers at this address (\(failure)): check MATRIX_HOMESERVER")
        case .failure(let failure) where failure.kind == .unauthorized:
            return .bad(
                "the homeserver refuses us (\(failure)): compare MATRIX_AS_TOKEN and MATRIX_USER_ID with its registration"
                    + " file, and restart it after changing that")
        case .failure(let failure):
            return .bad("the homeserver refuses us: \(failure)")
        }
    }
}

extension MatrixAdapter: Simulating {
    /// A message of an invented user in an invented room, as a transaction of its own.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        let server = MatrixIdentifier.server(of: configuration.userID) ?? "simulated.invalid"
        var writer = JSONWriter(capacity: text.utf8.count + 512)
        writer.object { root in
            root.arrayField("events") { events in
                events.object { event in
                    event.field("type", "m.room.message")
                    event.field("event_id", "$simulated-\(number)")
                    event.field("room_id", "!simulated:\(server)")
                    event.field("sender", "@simulated:\(server)")
                    event.field("origin_server_ts", now.microseconds / 1000)
                    event.objectField("content") { content in
                        content.field("msgtype", "m.text")
                        content.field("body", text)
                        content.objectField("m.mentions") { _ in }
                    }
                }
            }
        }
        return WebhookRequest(
            method: .put, target: "/webhooks/matrix/_matrix/app/v1/transactions/simulated-\(number)",
            headers: [
                "Authorization": "Bearer \(configuration.hsToken.value)", "Content-Type": "application/json",
            ], body: writer.bytes)
    }
}
