public import BridgeCore
internal import HTTPCore
internal import JSON

extension DiscordAdapter: Faking {
    /// Answers as the REST API does: messages, edits, typing, interaction webhooks, the Gateway's address.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        let path = request.path.split(separator: "/").map { HTTPPercentEncoding.decode($0.utf8) }
        let fake = DiscordFake(
            configuration: configuration, request: request, id: DiscordSnowflake.id(at: now, number: number), now: now)
        return fake.answer(path)
    }

    /// Discord's answers to a request that fails.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            let parts = delay.components
            let seconds = Double(parts.seconds) + Double(parts.attoseconds) / 1e18
            return DiscordFake.response(
                429,
                headers: [
                    "Retry-After": String(Int64(seconds.rounded(.up))), "X-RateLimit-Scope": "user",
                    "X-RateLimit-Reset-After": "\(seconds)",
                ]
            ) { json in
                json.field("message", "You are being rate limited.")
                json.field("retry_after", seconds)
                json.field("global", false)
            }
        case .serverError: return DiscordFake.error(503, code: 0, "503: Service Unavailable")
        case .unauthorized: return DiscordFake.error(401, code: 0, "401: Unauthorized")
        case .blocked: return DiscordFake.error(403, code: 50_007, "Cannot send messages to this user")
        case .gone, .formattingRefused: return DiscordFake.error(404, code: 10_003, "Unknown Channel")
        }
    }
}

/// One answer of the fake API.
struct DiscordFake {
    let configuration: DiscordConfiguration
    let request: FakeRequest
    let id: String
    let now: Timestamp

    func answer(_ path: [String]) -> FakeAnswer? {
        switch (request.method, path.first, path.count) {
        case (.get, "gateway", 2) where path[1] == "bot": return authorized { gateway() }
        case (.get, "applications", 2), (.patch, "applications", 2), (.get, "users", 2):
            return authorized { application() }
        case (.post, "channels", 3) where path[2] == "messages":
            return authorized { message(in: path[1], id: id, isEdit: false) }
        case (.patch, "channels", 4) where path[2] == "messages":
            return authorized { message(in: path[1], id: path[3], isEdit: true) }
        case (.post, "channels", 3) where path[2] == "typing":
            return authorized {
                FakeAnswer([.typing(conversation: path[1])], OutboundResponse(status: .noContent))
            }
        case (.post, "webhooks", 3): return webhook(path) { message(in: $0, id: id, isEdit: false) }
        case (.patch, "webhooks", 5) where path[3] == "messages":
            // The first answer takes the place of the deferred one: to the user it is a new message.
            let isOriginal = path[4] == "@original"
            return webhook(path) { message(in: $0, id: isOriginal ? id : path[4], isEdit: !isOriginal) }
        case (.post, "interactions", 4) where path[3] == "callback":
            return FakeAnswer([.other("callback")], OutboundResponse(status: .noContent))
        default: return nil
        }
    }

    // MARK: Who may ask

    private func authorized(_ body: () -> FakeAnswer) -> FakeAnswer {
        guard request.headers["Authorization"] == "Bot \(configuration.botToken.value)" else {
            return refused(
                "the Authorization is not 'Bot' and the token", Self.error(401, code: 0, "401: Unauthorized"))
        }
        return body()
    }

    private func webhook(_ path: [String], _ body: (_ conversation: String) -> FakeAnswer) -> FakeAnswer {
        guard path[1] == configuration.applicationID else {
            return refused("another application", Self.error(404, code: 10_015, "Unknown Webhook"))
        }
        // Only Discord knows in which channel the interaction was.
        return body("interaction \(path[2])")
    }

    private func refused(_ reason: String, _ response: OutboundResponse) -> FakeAnswer {
        FakeAnswer([.refused(reason)], response)
    }

    // MARK: Answers

    private func gateway() -> FakeAnswer {
        let host = request.headers["Host"] ?? "localhost"
        return FakeAnswer(
            [.other("gateway")],
            Self.response(200) { json in
                json.field("url", "ws://\(host)/gateway")
                json.field("shards", 1)
                json.objectField("session_start_limit") { limit in
                    limit.field("total", 1000)
                    limit.field("remaining", 999)
                    limit.field("reset_after", 14_400_000)
                    limit.field("max_concurrency", 1)
                }
            })
    }

    private func application() -> FakeAnswer {
        FakeAnswer(
            [.other("application")],
            Self.response(200) { json in
                json.field("id", configuration.applicationID)
                json.field("name", "Fake")
                json.field("username", "fake")
                json.field("bot", true)
                json.field("verify_key", configuration.publicKey)
                json.field("flags", 1 << 19)
                let url = self.json?["interactions_endpoint_url"].string
                if let url { json.field("interactions_endpoint_url", url) }
            })
    }

    private func message(in channel: String, id: String, isEdit: Bool) -> FakeAnswer {
        guard let body = json else {
            return refused(
                "the body is no JSON", Self.error(400, code: 50_109, "The request body contains invalid JSON."))
        }
        let text = body["content"].string ?? ""
        let files = body["attachments"].count
        if text.utf16.count > 2000 {
            return refused("over 2000 characters", Self.error(400, code: 50_035, "Invalid Form Body"))
        }
        if text.allSatisfy(\.isWhitespace), files == 0, body["embeds"].count == 0 {
            return refused("an empty message", Self.error(400, code: 50_006, "Cannot send an empty message"))
        }
        let response = Self.response(200) { json in
            json.field("id", id)
            json.field("type", 0)
            json.field("channel_id", channel)
            json.field("content", text)
            json.objectField("author") { author in
                author.field("id", configuration.applicationID)
                author.field("username", "fake")
                author.field("discriminator", "0")
                author.field("bot", true)
            }
            json.field("timestamp", now)
            if isEdit { json.field("edited_timestamp", now) } else { json.nullField("edited_timestamp") }
            json.field("tts", false)
            json.field("mention_everyone", false)
            for name in ["mentions", "mention_roles", "attachments", "embeds", "components"] {
                json.key(name)
                json.array { _ in }
            }
            json.field("pinned", false)
            json.field("flags", 0)
            if body["nonce"].exists { json.field("nonce", body["nonce"]) }
        }
        var actions: [FakeAnswer.Action] = []
        if !text.isEmpty {
            actions.append(
                isEdit
                    ? .edit(conversation: channel, id: id, text: text)
                    : .message(conversation: channel, id: id, text: text))
        }
        for _ in 0..<files { actions.append(.attachment(conversation: channel, id: id, kind: "file")) }
        for embed in body["embeds"].elements where embed["image"].exists {
            actions.append(.attachment(conversation: channel, id: id, kind: "image"))
        }
        return FakeAnswer(actions, response)
    }

    /// The body, or the `payload_json` of a form with files.
    private var json: JSONView? {
        if request.headers["Content-Type"]?.hasPrefix("multipart/form-data") == true {
            let body = request.body
            guard let name = Self.index(of: Array(#"name="payload_json""#.utf8), in: body[...]),
                let start = Self.index(of: Array("\r\n\r\n".utf8), in: body[name...]),
                let end = Self.index(of: Array("\r\n--".utf8), in: body[(start + 4)...])
            else { return nil }
            return try? JSONView(parsing: Array(body[(start + 4)..<end]))
        }
        guard let view = try? JSONView(parsing: request.body), view.kind == .object else { return nil }
        return view
    }

    private static func index(of needle: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        bytes.indices.first { bytes[$0...].starts(with: needle) }
    }

    static func response(
        _ status: Int, headers: HTTPFields = [:], _ write: (inout JSONWriter) -> Void
    ) -> OutboundResponse {
        var writer = JSONWriter()
        writer.object { write(&$0) }
        var headers = headers
        headers["Content-Type"] = "application/json"
        return OutboundResponse(status: HTTPStatus(status), headers: headers, body: writer.bytes)
    }

    static func error(_ status: Int, code: Int, _ message: String) -> OutboundResponse {
        response(status) { json in
            json.field("message", message)
            json.field("code", code)
        }
    }
}
