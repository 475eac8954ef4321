public import BridgeCore
internal import HTTPCore
internal import JSON

extension MattermostAdapter: CredentialChecking {
    /// `GET /users/me`.
    public func credentialChecks() -> [CredentialCheck] {
        [CredentialCheck(name: "bot token", request: call(.get, "/users/me"))]
    }

    /// Who the token belongs to.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        guard response.status.isSuccess, let name = reply["username"].identifier else {
            let failure = failure(response, reply)
            if response.status.isSuccess {
                return .bad("MATTERMOST_URL is no Mattermost server: HTTP \(response.status.code) without a user")
            }
            if failure.isTemporary { return .warning("Mattermost could not say: \(failure)") }
            if failure.kind == .unauthorized {
                return .bad("Mattermost refuses the token: create one under Integrations, Bot Accounts")
            }
            return .bad("Mattermost refuses: \(failure)")
        }
        guard reply["is_bot"].bool == true else {
            return .warning("@\(name) is no bot account: make one, so that its posts are marked as a bot's")
        }
        return .good("@\(name)")
    }
}

extension MattermostAdapter: Simulating {
    /// A post in an invented channel, as an outgoing webhook tells of it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        let fields = [
            ("token", configuration.webhookTokens.first?.value ?? ""), ("team_id", "simulatedteam0000000000000"),
            ("team_domain", "simulated"), ("channel_id", "simulatedchannel0000000000"), ("channel_name", "simulated"),
            ("timestamp", String(now.microseconds / 1000)), ("user_id", "simulateduser0000000000000"),
            ("user_name", "simulated"), ("post_id", "simulatedpost\(number)"), ("text", text), ("trigger_word", ""),
            ("file_ids", ""),
        ]
        let body = fields.map { "\($0)=\(HTTPPercentEncoding.encode($1))" }.joined(separator: "&")
        return WebhookRequest(
            target: "/webhooks/mattermost", headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array(body.utf8))
    }
}

extension MattermostAdapter: Faking {
    /// Answers as the REST API does: posts, edits, typing, files, the bot's account.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        guard request.path.hasPrefix("/api/v4/") else { return nil }
        guard request.headers["Authorization"] == "Bearer \(configuration.botToken.value)" else {
            return FakeAnswer([.refused("another token")], fakeFault(.unauthorized, to: request))
        }
        let path = request.path.dropFirst("/api/v4/".count).split(separator: "/").map(String.init)
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        let id = "fakepost\(number)"
        switch (request.method, path.first, path.count) {
        case (.post, "posts", 1): return fakePost(body, id: id, at: now)
        case (.put, "posts", 3) where path[2] == "patch":
            guard let text = body["message"].string else { return Self.refused("no message") }
            return FakeAnswer(
                [.edit(conversation: "post \(path[1])", id: path[1], text: text)],
                Self.post(path[1], body, status: 200, at: now))
        case (.post, "users", 3) where path[2] == "typing":
            return FakeAnswer(
                [.typing(conversation: body["channel_id"].string ?? "")],
                Self.json(200) { $0.field("status", "OK") })
        case (.get, "users", 2):
            return FakeAnswer(
                [.other("users/me")],
                Self.json(200) { json in
                    json.field("id", Self.fakeUser)
                    json.field("username", "fake")
                    json.field("is_bot", true)
                })
        case (.post, "files", 1):
            return FakeAnswer(
                [.other("upload")],
                Self.json(201) { json in
                    json.arrayField("file_infos") { list in
                        list.object { file in
                            file.field("id", "fakefile\(number)")
                            file.field("size", request.body.count)
                        }
                    }
                    json.arrayField("client_ids") { _ in }
                })
        default: return nil
        }
    }

    private static let fakeUser = "fakebotuser000000000000000"

    private func fakePost(_ body: JSONView, id: String, at now: Timestamp) -> FakeAnswer {
        guard let channel = body["channel_id"].identifier else { return Self.refused("no channel_id") }
        let text = body["message"].string ?? ""
        let files = body["file_ids"].count
        if text.unicodeScalars.count > 16_383 { return Self.refused("over 16383 characters") }
        if text.isEmpty, files == 0 { return Self.refused("an empty post") }
        var actions: [FakeAnswer.Action] = []
        if !text.isEmpty { actions.append(.message(conversation: channel, id: id, text: text)) }
        for _ in 0..<files { actions.append(.attachment(conversation: channel, id: id, kind: "file")) }
        return FakeAnswer(actions, Self.post(id, body, status: 201, at: now))
    }

    private static func post(_ id: String, _ body: JSONView, status: Int, at now: Timestamp) -> OutboundResponse {
        json(status) { json in
            json.field("id", id)
            json.field("create_at", now.microseconds / 1000)
            json.field("update_at", now.microseconds / 1000)
            json.field("user_id", fakeUser)
            json.field("channel_id", body["channel_id"].string)
            json.field("root_id", body["root_id"].string ?? "")
            json.field("message", body["message"].string)
            json.field("type", "")
            json.field("pending_post_id", body["pending_post_id"].string)
        }
    }

    private static func refused(_ why: String) -> FakeAnswer {
        FakeAnswer([.refused(why)], error(400, "api.context.invalid_body_param.app_error"))
    }

    /// Mattermost's errors.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            var response = Self.error(429, "api.ratelimit.app_error")
            let seconds = String(max(1, delay.components.seconds))
            response.headers = OutboundResponse.Headers { name in
                ["retry-after": seconds, "x-ratelimit-reset": seconds, "x-ratelimit-remaining": "0"][name.lowercased()]
            }
            return response
        case .serverError: return Self.error(500, "app.post.save.app_error")
        case .unauthorized: return Self.error(401, "api.context.session_expired.app_error")
        case .blocked: return Self.error(403, "api.context.permissions.app_error")
        case .gone, .formattingRefused: return Self.error(404, "app.channel.get.existing.app_error")
        }
    }

    private static func error(_ status: Int, _ id: String) -> OutboundResponse {
        json(status) { json in
            json.field("id", id)
            json.field("message", "An error.")
            json.field("detailed_error", "")
            json.field("request_id", "fakerequest000000000000000")
            json.field("status_code", status)
        }
    }

    private static func json(_ status: Int, _ write: (inout JSONWriter) -> Void) -> OutboundResponse {
        var writer = JSONWriter()
        writer.object { write(&$0) }
        return OutboundResponse(
            status: HTTPStatus(status), headers: ["Content-Type": "application/json"], body: writer.bytes)
    }
}
