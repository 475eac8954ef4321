import BridgeCore
import BridgeTesting
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import TestSupport
import Testing

@testable import Bridge

struct MessagesEndpointTests {
    private static let local = PlainAdapter(
        platform: PlatformName("local"), apiBase: "",
        capabilities: Capabilities(textLimit: .init(100, .utf8), transport: .local))

    private func withDoor(
        _ answer: @escaping @Sendable (FakeAgent.Question) async -> HTTPResponse = { .says("Re: \($0.text)") },
        token: String? = nil, hasChatPage: Bool = false, allowedOrigins: [String] = [],
        configure: @escaping @Sendable (inout BridgeConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (Engine, FrontDoor, FakeAgent) async throws -> Void
    ) async throws {
        let agent = try await FakeAgent(answer)
        try await onLoop { loop in
            let engine = Engine(
                loop, adapters: [MessagesEndpointTests.local], agent: agent.agent, configure: configure)
            let door = try await FrontDoor(
                engine, token: token, hasChatPage: hasChatPage, allowedOrigins: allowedOrigins)
            try await body(engine, door, agent)
            await door.close()
        }
    }

    @Test func `a message is accepted, answered and logged, and nobody is sent anything`() async throws {
        try await withDoor { engine, door, agent in
            let reply = try await door.post("/api/messages", #"{"conversation":"c","user":"u","text":"hi"}"#)
            #expect(reply.status == 202)
            #expect(await engine.finish() == 0)
            let jobs = try await engine.jobs()
            #expect(jobs.map(\.story) == ["in hi", "out Re: hi"])
            #expect(reply.json["id"].string == jobs.first?.id.description)
            #expect(jobs.last?.metadata.contains(jobs.first?.id.description ?? "-") == true)
        }
    }

    @Test func `a caller who waits gets the answer`() async throws {
        // Longer than the limit: to those who hear it here it is one text.
        let long = String(repeating: "long ", count: 100)
        try await withDoor({ _ in .says(long) }) { engine, door, _ in
            let reply = try await door.post("/api/messages?wait=true", #"{"conversation":"c","text":"hi"}"#)
            #expect(reply.status == 200 && reply.json["text"].string == long)
            let listeners = await engine.bridge.listeners
            #expect(listeners.isEmpty)
        }
    }

    @Test func `files of an answer come with it, by address or as their bytes`() async throws {
        let files = #"[{"url":"https://cdn/b.pdf","name":"b.pdf"},{"data":"cG5nIQ==","content_type":"image/png"}]"#
        let shown =
            #"[{"kind":"file","url":"https://cdn/b.pdf","name":"b.pdf"},"#
            + #"{"kind":"image","url":"data:image/png;base64,cG5nIQ==","content_type":"image/png"}]"#
        try await withDoor({ _ in .json(Array(#"{"attachments":\#(files)}"#.utf8)) }) { engine, door, _ in
            let question = #"{"conversation":"c","text":"hi"}"#
            let reply = try await door.post("/api/messages?wait=true", question)
            #expect(reply.status == 200 && reply.json["text"].string == "" && reply.text.contains(shown))
            let stream = try await door.post("/api/messages", question, headers: ["Accept": "text/event-stream"])
            #expect(stream.text.contains("event: done") && stream.text.contains(shown))
        }
    }

    @Test(arguments: [
        (500, 502, "agent_error"), (401, 502, "agent_unauthorized"), (0, 504, "agent_timeout"),
    ])
    func `a caller who waits is told what kept the agent`(agentStatus: Int, status: Int, code: String) async throws {
        try await withDoor({ _ in
            if agentStatus > 0 { return .error(HTTPStatus(agentStatus), code: "x", message: "internal words") }
            try? await Task.sleep(for: .seconds(60))
            return .says("")
        }) { configuration in
            configuration.agentTimeout = .seconds(2)
        } _: { engine, door, _ in
            let reply = try await door.post("/api/messages?wait=true", #"{"conversation":"c","text":"hi"}"#)
            #expect(reply.status == status && reply.code == code && !reply.text.contains("internal words"))
            let story = try await engine.story()
            #expect(story.contains("failed"))
        }
    }

    @Test func `a stream tells the message, the pieces and the whole answer`() async throws {
        try await withDoor({ _ in .speaks(["Hel", "lo\n", "you"], every: .milliseconds(30)) }) { engine, door, agent in
            let stream = try await door.stream("/api/messages", #"{"conversation":"c","text":"hi"}"#)
            #expect(stream.headers["Content-Type"] == "text/event-stream")
            let text = String(decoding: try await stream.body.collect(), as: UTF8.self)
            let events = text.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { $0.dropFirst(7) }
            #expect(events == ["message", "delta", "delta", "delta", "done"])
            let data = text.split(separator: "\n").filter { $0.hasPrefix("data: ") }
                .compactMap { try? JSONView(parsing: String($0.dropFirst(6))) }
            #expect(data.dropFirst().dropLast().compactMap { $0["text"].string }.joined() == "Hello\nyou")
            #expect(data.last?["text"].string == "Hello\nyou" && data.last?["id"].string == data.first?["id"].string)
            #expect(agent.all.first?.isStreaming == true)
        }
    }

    @Test func `a stream whose agent fails ends in an error event, after a heartbeat or two`() async throws {
        try await withDoor({ _ in
            try? await Task.sleep(for: .milliseconds(350))
            return .error(.internalServerError, code: "x", message: "boom")
        }) { engine, door, _ in
            let stream = try await door.stream("/api/messages", #"{"conversation":"c","text":"hi"}"#)
            let text = String(decoding: try await stream.body.collect(), as: UTF8.self)
            #expect(text.contains("event: error\ndata: {\"code\":\"agent_error\""))
            #expect(text.contains("\n: \n") || text.contains("\n:\n"), "\(text)")
        }
    }

    @Test func `a client that goes away stops nothing and leaves nothing behind`() async throws {
        let gate = Gate()
        try await withDoor({ question in
            if question.text == "1" { await gate.pass() }
            return .says("Re: \(question.text)")
        }) { engine, door, agent in
            do {
                let stream = try await door.stream("/api/messages", #"{"conversation":"c","text":"1"}"#)
                var iterator = stream.body.makeAsyncIterator()
                _ = try await iterator.next()
            }
            let waiting = engine.loop.spawn { [door] in
                _ = try? await door.post("/api/messages?wait=true", #"{"conversation":"c","text":"2"}"#)
            }
            #expect(await eventually { await engine.bridge.listeners.count == 1 && agent.all.count == 1 })
            waiting.cancel()
            await waiting.value
            gate.open()
            #expect(await engine.finish() == 0)
            let story = try await engine.story()
            #expect(story.sorted() == ["in 1", "in 2", "out Re: 1", "out Re: 2"])
            let listeners = await engine.bridge.listeners
            #expect(listeners.isEmpty)
        }
    }

    @Test func `a message that came before is refused, and so is what is no message`() async throws {
        try await withDoor { _, door, _ in
            let body = #"{"id":"same","conversation":"c","text":"hi"}"#
            let first = try await door.post("/api/messages", body)
            let second = try await door.post("/api/messages", body)
            #expect(first.status == 202 && second.status == 409 && second.code == "duplicate")
            for bad in ["", "{", "[]", "null", #"{"text":"no conversation"}"#, #"{"events":[]}"#] {
                let reply = try await door.post("/api/messages", bad)
                #expect(reply.status == 400 && reply.code == "malformed", "\(bad)")
            }
        }
    }

    @Test func `what nobody answers is not waited for`() async throws {
        try await withDoor { engine, door, _ in
            let reply = try await door.post(
                "/api/messages?wait=true", #"{"conversation":"c","text":"note","record":true}"#)
            #expect(reply.status == 202)
            let listeners = await engine.bridge.listeners
            #expect(listeners.isEmpty)
        }
    }

    @Test func `what is full says so and when to come back`() async throws {
        let gate = Gate()
        try await withDoor({ _ in
            await gate.pass()
            return .says("")
        }) { configuration in
            configuration.maxInFlight = 1
        } _: { engine, door, _ in
            let first = try await door.post("/api/messages", #"{"conversation":"c","text":"1"}"#)
            let second = try await door.post("/api/messages?wait=true", #"{"conversation":"d","text":"2"}"#)
            #expect(first.status == 202)
            #expect(second.status == 503 && second.retryAfter == "1" && second.code == "overloaded")
            gate.open()
            _ = await engine.finish()
        }
    }

    @Test func `a platform that is turned off is not found`() async throws {
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [], agent: agent.agent)
            let door = try await FrontDoor(engine)
            let reply = try await door.post("/api/messages", #"{"conversation":"c","text":"hi"}"#)
            #expect(reply.status == 404)
            await door.close()
        }
    }

    @Test func `a visitor speaks in the conversation of the session, whatever the body says`() async throws {
        let session = String(repeating: "0123456789abcdef", count: 2)
        try await withDoor(hasChatPage: true) { engine, door, agent in
            let reply = try await door.post(
                "/api/messages?wait=true", #"{"conversation":"somebody else's","text":"hi"}"#,
                headers: ["Cookie": "other=1; chatbridge_session=\(session)"])
            #expect(reply.status == 200 && agent.all.map(\.conversation) == [session])
            // Nobody but us sets the header that names the conversation.
            let forged = try await door.post(
                "/api/messages?wait=true", #"{"conversation":"mine","text":"hi"}"#,
                headers: ["X-ChatBridge-Conversation": "theirs"])
            #expect(forged.status == 200 && agent.all.last?.conversation == "mine")
        }
    }

    private static let message = #"{"conversation":"c","text":"hi"}"#

    @Test func `the token opens the door, and nothing else does`() async throws {
        try await withDoor(token: "t0ken") { _, door, _ in
            for (headers, status) in [
                (["Authorization": "Bearer t0ken"], 202), (["Authorization": "bearer t0ken"], 202),
                (["Authorization": "Bearer t0ke"], 401), (["Authorization": "Basic t0ken"], 401),
                (["Authorization": ""], 401), ([:], 401),
            ] as [(HTTPFields, Int)] {
                let reply = try await door.post("/api/messages", MessagesEndpointTests.message, headers: headers)
                #expect(reply.status == status, "\(headers)")
            }
        }
    }

    @Test func `without a token only this machine may speak, and not through a proxy or another site's page`()
        async throws
    {
        try await withDoor(allowedOrigins: ["https://shop.example"]) { _, door, _ in
            let own = "http://127.0.0.1:\(door.port)"
            for (headers, status) in [
                ([:], 202), (["X-Forwarded-For": "203.0.113.9"], 401), (["Forwarded": "for=203.0.113.9"], 401),
                (["X-Real-IP": "203.0.113.9"], 401), (["Via": "1.1 proxy"], 401),
                (["Origin": "https://evil.example"], 403), (["Origin": "null"], 403),
                (["Sec-Fetch-Site": "cross-site"], 403), (["Sec-Fetch-Site": "same-site"], 403),
                (["Origin": own], 202), (["Sec-Fetch-Site": "same-origin"], 202), (["Sec-Fetch-Site": "none"], 202),
                (["Origin": "https://shop.example"], 202),
            ] as [(HTTPFields, Int)] {
                let reply = try await door.post("/api/messages", MessagesEndpointTests.message, headers: headers)
                #expect(reply.status == status, "\(headers)")
            }
        }
    }

    @Test func `an address that is not this machine's needs the token`() {
        let access = APIAccess(token: nil, hasChatPage: true)
        guard case .refused(let response) = access.check(HTTPRequest(method: .post, target: "/api/messages")) else {
            Issue.record("a stranger was let in")
            return
        }
        #expect(response.status == .unauthorized)
    }

    @Test func `a session's cookie is taken only in the form in which it was given`() throws {
        let given = APIAccess.newSessionCookie(isSecure: true)
        #expect(given.contains("HttpOnly") && given.contains("SameSite=Strict") && given.hasSuffix("; Secure"))
        let cookie = String(given.prefix { $0 != ";" })
        func session(_ value: String) -> String? {
            APIAccess.session(of: HTTPRequest(target: "/", headers: ["Cookie": value]))
        }
        #expect(session(cookie).map { "chatbridge_session=\($0)" } == cookie)
        #expect(session("a=b; \(cookie); c=d") != nil)
        for bad in ["", "chatbridge_session=", "chatbridge_session=abc", "\(cookie)0", cookie.uppercased()] {
            #expect(session(bad) == nil, "\(bad)")
        }
    }
}
