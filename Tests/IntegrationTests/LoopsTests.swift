import BridgeCore
import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import Postgres
import Synchronization
import TestSupport
import Testing

/// `CHATBRIDGE_LOOPS=3`: a process with several loops is to its users what one with one loop is.
@Suite(.enabled(if: TestEnvironment.redisURL != nil && TestEnvironment.databaseURL != nil)) struct LoopsTests {
    private static let secret = "test-secret"
    private static let token = "test-token"

    /// A stack with three loops, its platform and its agent.
    private struct Bench {
        let stack: TestStack
        let telegram: RecordingServer
        let agent: RecordingServer

        init(_ variables: [String: String] = [:], thinks: Duration = .zero) async throws {
            telegram = try await RecordingServer { _ in .json(Array(#"{"ok":true,"result":{"message_id":1}}"#.utf8)) }
            agent = try await RecordingServer { request in
                let text = (try? JSONView(parsing: request.body))?["messages"][0]["content"].string ?? "?"
                try? await Task.sleep(for: thinks)
                return .json(Array(#"{"text":"Re: \#(text)","runId":"run-1"}"#.utf8))
            }
            stack = try await TestStack.shared(
                [
                    "CHATBRIDGE_LOOPS": "3", "TELEGRAM_BOT_TOKEN": "123456:test-token",
                    "TELEGRAM_WEBHOOK_SECRET": LoopsTests.secret, "TELEGRAM_API_BASE": telegram.url,
                    "TELEGRAM_RATE_LIMIT": "off", "STREAMING": "off", "MASTRA_ENDPOINT": "\(agent.url)/api",
                    "MASTRA_AGENT_ID": "test", "WEB_ENABLED": "true", "API_TOKEN": LoopsTests.token, "LEASE_MS": "2000",
                ].merging(variables) { $1 })
        }

        /// The texts that a chat was sent.
        func texts(of chat: Int) -> [String] {
            telegram.requests.compactMap { request in
                guard let body = try? JSONView(parsing: request.body), body["chat_id"].idString == "\(chat)" else {
                    return nil
                }
                return body["text"].string
            }
        }
    }

    /// A client whose every request has a connection of its own, so that the kernel deals it to any loop.
    private func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        var request = request
        request.headers["Connection"] = "close"
        let sent = request
        let loop = try EventLoop()
        loop.startThread(name: "user")
        defer { loop.stop() }
        return try await loop.perform {
            let client = HTTPClient(loop: loop)
            let response = try await client.send(sent)
            await client.shutdown()
            return response
        }
    }

    private func say(_ text: String, in chat: Int, update: Int, to stack: TestStack) async throws -> Int {
        let body = """
            {"update_id":\(update),"message":{"message_id":\(update),"date":1790000000,"text":"\(text)",
            "from":{"id":\(chat),"is_bot":false,"first_name":"Ada"},
            "chat":{"id":\(chat),"type":"private","first_name":"Ada"}}}
            """
        return try await send(
            HTTPClientRequest(
                method: .post, url: "\(stack.url)/webhooks/telegram",
                headers: ["Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": Self.secret],
                body: Array(body.utf8))
        ).status.code
    }

    @Test(.timeLimit(.minutes(3)))
    func `conversations are answered in order, once, and logged, whichever loop their messages reach`() async throws {
        let bench = try await Bench()
        try bench.stack.startBridge()
        try bench.stack.startLogger()
        for number in 0..<6 {
            for chat in 1...10 {
                #expect(try await say("\(number)", in: chat, update: number * 100 + chat, to: bench.stack) == 200)
                // Delivered again, as platforms do.
                #expect(try await say("\(number)", in: chat, update: number * 100 + chat, to: bench.stack) == 200)
            }
        }
        let areLogged = await eventually { (try? await bench.stack.count()) == 120 }
        #expect(areLogged, "\(bench.stack.output)")
        for chat in 1...10 { #expect(bench.texts(of: chat) == (0..<6).map { "Re: \($0)" }) }
        #expect(bench.telegram.requests.count == 60)
        let sessions = try await bench.stack.database.query("SELECT count(*)::int8 AS n FROM sessions")
        #expect(try sessions.first?.int("n") == 10)
        let metrics = try await send(HTTPClientRequest(url: "\(bench.stack.url)/metrics"))
        let text = String(decoding: metrics.body, as: UTF8.self)
        #expect(text.contains("chatbridge_webhooks_received_total{platform=\"telegram\"} 120"))
        #expect(text.contains("chatbridge_in_flight 0"))
        try bench.stack.stopBridge()
    }

    @Test(.timeLimit(.minutes(3)))
    func `a port that another process listens at is refused, though loops share theirs`() async throws {
        let bench = try await Bench()
        try bench.stack.startBridge()
        let (code, output) = try bench.stack.command(["serve"])
        #expect(code == 69)
        #expect(output.contains("set PORT or --port to a free one"), "\(output)")
        try bench.stack.stopBridge()
    }

    @Test(.timeLimit(.minutes(3)))
    func `what belongs to no conversation of a platform is answered on every loop`() async throws {
        let bench = try await Bench()
        try bench.stack.startBridge()
        let url = bench.stack.url
        let authorization: HTTPFields = ["Authorization": "Bearer \(Self.token)", "Content-Type": "application/json"]
        for number in 0..<12 {
            #expect(try await send(HTTPClientRequest(url: "\(url)/health")).status.code == 200)
            #expect(try await send(HTTPClientRequest(url: "\(url)/ready")).status.code == 200)
            #expect(try await send(HTTPClientRequest(url: "\(url)/nothing")).status.code == 404)
            let body = Array(#"{"conversation_id":"c","text":"\#(number)"}"#.utf8)
            let whole = try await send(
                HTTPClientRequest(
                    method: .post, url: "\(url)/api/messages?wait=true", headers: authorization, body: body))
            #expect(String(decoding: whole.body, as: UTF8.self).contains(#""text":"Re: \#(number)""#))
            var streaming = authorization
            streaming["Accept"] = "text/event-stream"
            let stream = try await send(
                HTTPClientRequest(method: .post, url: "\(url)/api/messages", headers: streaming, body: body))
            let events = String(decoding: stream.body, as: UTF8.self)
            #expect(events.contains("event: done"), "\(events)")
        }
        try bench.stack.stopBridge()
    }

    @Test(.timeLimit(.minutes(3)))
    func `what a killed process had taken is answered by the next one, in order with what comes then`() async throws {
        let bench = try await Bench(["ACK": "durable"], thinks: .milliseconds(300))
        try bench.stack.startBridge()
        for number in 0..<2 {
            for chat in 1...12 {
                #expect(try await say("\(number)", in: chat, update: number * 100 + chat, to: bench.stack) == 200)
            }
        }
        bench.stack.bridge?.end(SIGKILL)
        try bench.stack.startBridge()
        for chat in 1...12 {
            #expect(try await say("2", in: chat, update: 200 + chat, to: bench.stack) == 200)
        }
        let areAnswered = await eventually {
            (1...12).allSatisfy { Set(bench.texts(of: $0)).count == 3 }
        }
        #expect(areAnswered, "\(bench.stack.output)")
        for chat in 1...12 { #expect(bench.texts(of: chat) == (0..<3).map { "Re: \($0)" }) }
        try bench.stack.stopBridge()
    }
}
