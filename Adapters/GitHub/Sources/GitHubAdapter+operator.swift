public import BridgeCore
internal import HTTPCore
internal import JSON

extension GitHubAdapter: CredentialChecking {
    /// `GET /user`, which tokens of people can read and those of apps cannot.
    public func credentialChecks() -> [CredentialCheck] {
        [
            CredentialCheck(
                name: "token",
                request: OutboundRequest(method: .get, url: "\(configuration.apiBase)/user", headers: headers))
        ]
    }

    /// Whose token it is.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch response.status.code {
        case 200:
            let login = (try? JSONView(parsing: response.body))?["login"].string ?? "?"
            return login.lowercased() == configuration.name.lowercased()
                ? .good(login) : .warning("the token is \(login)'s, but the bot is called \(configuration.name)")
        case 401: return .bad("GitHub does not know this token: make a new one that may write issues and pull requests")
        case 403: return .good("a token of an app")
        default: return .warning("GitHub could not say: HTTP \(response.status)")
        }
    }
}

extension GitHubAdapter: Simulating {
    /// A comment on an issue of an invented repository, which calls the bot.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var writer = JSONWriter(capacity: text.utf8.count + 512)
        writer.object { root in
            root.field("action", "created")
            root.objectField("issue") { $0.field("number", 1) }
            root.objectField("comment") { comment in
                comment.field("id", number)
                comment.field("body", "@\(configuration.name) \(text)")
                comment.field("created_at", now.description)
                comment.objectField("user") { user in
                    user.field("id", 4_200_001)
                    user.field("login", "simulated-user")
                    user.field("type", "User")
                }
            }
            root.objectField("repository") { $0.field("full_name", "simulated/repository") }
            root.objectField("sender") { $0.field("type", "User") }
        }
        return WebhookRequest(
            target: "/webhooks/github",
            headers: [
                "Content-Type": "application/json", "X-GitHub-Event": "issue_comment",
                "X-GitHub-Delivery": "simulated-\(number)", GitHubSignature.field: signature.sign(writer.bytes),
            ], body: writer.bytes)
    }
}

extension GitHubAdapter: Faking {
    /// Plays the calls that write comments, and `GET /user`.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        guard request.headers["Authorization"] == "Bearer \(configuration.token.value)" else {
            return FakeAnswer([.refused("another token")], fakeFault(.unauthorized, to: request))
        }
        guard request.headers["User-Agent"] != nil else {
            return FakeAnswer([.refused("no User-Agent")], json(403, #"{"message":"User agent required"}"#))
        }
        let path = request.path.split(separator: "/")
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        if request.method == .get, path == ["user"] {
            return FakeAnswer([.other("user")], json(200, #"{"login":"\#(configuration.name)"}"#))
        }
        guard request.method == .post else { return nil }
        if path == ["graphql"] {
            guard let id = body["variables"]["id"].string, let text = body["variables"]["body"].string else {
                return nil
            }
            return FakeAnswer(
                [.message(conversation: id, id: "DC_\(number)", text: text)],
                json(200, #"{"data":{"addDiscussionComment":{"comment":{"id":"DC_\#(number)"}}}}"#))
        }
        let isReply = path.last == "replies" && path.count == 8
        guard path.first == "repos", isReply || path.last == "comments" && path.count == 6 else { return nil }
        guard let text = body["body"].string, !text.isEmpty else {
            return FakeAnswer([.refused("no body")], json(422, #"{"message":"Validation Failed"}"#))
        }
        let conversation = "\(path[1])/\(path[2])\(path[3] == "commits" ? "@" : "#")\(path[4])"
        return FakeAnswer(
            [.message(conversation: conversation, id: String(number), text: text)], json(201, #"{"id":\#(number)}"#))
    }

    /// GitHub's errors.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            OutboundResponse(
                status: .forbidden, headers: ["Retry-After": String(max(1, delay.components.seconds))],
                body: Array(#"{"message":"You have exceeded a secondary rate limit."}"#.utf8))
        case .serverError: json(502, #"{"message":"Server Error"}"#)
        case .unauthorized: json(401, #"{"message":"Bad credentials"}"#)
        case .blocked: json(403, #"{"message":"Unable to create comment because issue is locked."}"#)
        case .gone, .formattingRefused: json(404, #"{"message":"Not Found"}"#)
        }
    }

    private func json(_ status: Int, _ body: String) -> OutboundResponse {
        OutboundResponse(
            status: HTTPStatus(status), headers: ["Content-Type": "application/json"], body: Array(body.utf8))
    }
}
