public import BridgeCore
internal import HTTPCore
internal import JSON

extension RocketChatAdapter: CredentialChecking {
    /// `GET me`.
    public func credentialChecks() -> [CredentialCheck] {
        [CredentialCheck(name: "token", request: OutboundRequest(method: .get, url: url("me"), headers: credentials))]
    }

    /// Who the token belongs to, and whether that is a bot.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        guard response.status.isSuccess, let name = reply["username"].identifier else {
            if response.status.isSuccess { return .bad("ROCKETCHAT_URL is no Rocket.Chat server") }
            let failure = failure(response, reply)
            if failure.isTemporary { return .warning("Rocket.Chat could not say: \(failure)") }
            if failure.kind == .unauthorized {
                return .bad("Rocket.Chat refuses the token: make one under My Account, Personal Access Tokens")
            }
            return .bad("Rocket.Chat refuses: \(failure)")
        }
        guard reply["roles"].elements.contains(where: { $0.string == "bot" }) else {
            return .warning("@\(name) has not the role bot: ten calls a minute are all that it may make")
        }
        return .good("@\(name)")
    }
}

extension RocketChatAdapter: Simulating {
    /// A message in an invented direct conversation, as an outgoing integration tells of it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var writer = JSONWriter()
        writer.object { root in
            root.field("token", configuration.webhookTokens.first?.value)
            root.field("bot", false)
            root.field("channel_id", "simulatedRoom0001")
            root.field("message_id", "simulated\(number)")
            root.field("timestamp", now)
            root.field("user_id", "simulatedUser0001")
            root.field("user_name", "simulated")
            root.field("text", text)
            root.field("siteUrl", configuration.serverURL)
        }
        return WebhookRequest(
            target: "/webhooks/rocketchat", headers: ["Content-Type": "application/json"], body: writer.bytes)
    }
}

extension RocketChatAdapter: Faking {
    /// Answers as the REST API does: messages, edits, files, the bot's account.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        guard request.path.hasPrefix("/api/v1/") else { return nil }
        guard request.headers["X-Auth-Token"] == configuration.authToken.value,
            request.headers["X-User-Id"] == configuration.userID
        else { return FakeAnswer([.refused("another token or user")], fakeFault(.unauthorized, to: request)) }
        let path = request.path.dropFirst("/api/v1/".count).split(separator: "/").map(String.init)
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        let id = "fakeMessage\(number)"
        switch (request.method, path.first) {
        case (.post, "chat.postMessage"): return fakeMessage(body, id: id, at: now)
        case (.post, "chat.update"):
            guard let room = body["roomId"].identifier, let id = body["msgId"].identifier,
                let text = body["text"].string
            else { return Self.refused("roomId, msgId and text are needed", "error-invalid-params") }
            return FakeAnswer(
                [.edit(conversation: room, id: id, text: text)], message(id, in: room, text, at: now))
        case (.get, "me"):
            return FakeAnswer(
                [.other("me")],
                Self.json(200) { json in
                    json.field("success", true)
                    json.field("_id", configuration.userID)
                    json.field("username", "fake")
                    json.arrayField("roles") { $0.value("bot") }
                })
        case (.post, "rooms.media") where path.count == 2:
            return FakeAnswer(
                [.other("upload")],
                Self.json(200) { json in
                    json.field("success", true)
                    json.objectField("file") { file in
                        file.field("_id", "fakeFile\(number)")
                        file.field("url", "/file-upload/fakeFile\(number)/file")
                    }
                })
        case (.post, "rooms.mediaConfirm") where path.count == 3:
            return FakeAnswer(
                [.attachment(conversation: path[1], id: id, kind: "file")], message(id, in: path[1], "", at: now))
        default: return nil
        }
    }

    private func fakeMessage(_ body: JSONView, id: String, at now: Timestamp) -> FakeAnswer {
        guard let room = body["roomId"].identifier ?? body["channel"].identifier else {
            return Self.refused("no roomId", "error-invalid-params")
        }
        let text = body["text"].string ?? ""
        if text.utf16.count > 5000 { return Self.refused("over 5000 characters", "error-message-size-exceeded") }
        var actions: [FakeAnswer.Action] = text.isEmpty ? [] : [.message(conversation: room, id: id, text: text)]
        for view in body["attachments"].elements {
            let kind = ["image", "audio", "video"].first { view["\($0)_url"].exists } ?? "file"
            actions.append(.attachment(conversation: room, id: id, kind: kind))
        }
        if actions.isEmpty { return Self.refused("an empty message", "invalid-params") }
        return FakeAnswer(actions, message(id, in: room, text, at: now))
    }

    private func message(_ id: String, in room: String, _ text: String, at now: Timestamp) -> OutboundResponse {
        Self.json(200) { json in
            json.field("ts", now.microseconds / 1000)
            json.field("channel", room)
            json.objectField("message") { message in
                message.field("_id", id)
                message.field("rid", room)
                message.field("msg", text)
                message.field("ts", now)
                message.objectField("u") { user in
                    user.field("_id", configuration.userID)
                    user.field("username", "fake")
                }
            }
            json.field("success", true)
        }
    }

    private static func refused(_ why: String, _ code: String) -> FakeAnswer {
        FakeAnswer([.refused(why)], error(400, "An error. [\(code)]", code))
    }

    /// Rocket.Chat's errors.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            let seconds = max(1, delay.components.seconds)
            let words =
                "Error, too many requests. Please slow down. You must wait \(seconds) seconds before trying this"
            return Self.error(429, "\(words) endpoint again. [error-too-many-requests]", nil)
        case .serverError: return Self.error(500, "Internal server error", nil)
        case .unauthorized:
            return Self.json(401) { json in
                json.field("status", "error")
                json.field("message", "You must be logged in to do this.")
            }
        case .blocked: return Self.error(400, "Not allowed. [error-not-allowed]", "error-not-allowed")
        case .gone, .formattingRefused:
            return Self.error(400, "The room is not there. [error-room-not-found]", "error-room-not-found")
        }
    }

    private static func error(_ status: Int, _ words: String, _ code: String?) -> OutboundResponse {
        json(status) { json in
            json.field("success", false)
            json.field("error", words)
            json.field("errorType", code)
        }
    }

    private static func json(_ status: Int, _ write: (inout JSONWriter) -> Void) -> OutboundResponse {
        var writer = JSONWriter()
        writer.object { write(&$0) }
        return OutboundResponse(
            status: HTTPStatus(status), headers: ["Content-Type": "application/json"], body: writer.bytes)
    }
}
