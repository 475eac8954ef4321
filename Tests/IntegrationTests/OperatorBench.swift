import BridgeCore
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import Journal
import Redis
import Synchronization
import TestSupport
import Testing

/// A stack with a platform and an agent that wait when they are told to, for the tests of the operator's commands.
final class OperatorBench: Sendable {
    /// What holds a server's answers back.
    final class Gate: Sendable {
        private let closed = Mutex(false)
        var isClosed: Bool { closed.withLock { $0 } }

        func set(closed isClosed: Bool) { closed.withLock { $0 = isClosed } }
    }

    let agentGate = Gate()
    let platformGate = Gate()
    let telegram: RecordingServer
    let agent: RecordingServer
    let variables: [String: String]
    private let loop: EventLoop
    private let client: HTTPClient

    init(_ more: [String: String] = [:]) async throws {
        let (agentGate, platformGate) = (agentGate, platformGate)
        telegram = try await RecordingServer { request in
            let isMessage = request.path.hasSuffix("/sendMessage")
            if isMessage { _ = await eventually { !platformGate.isClosed } }
            return .json(Array(#"{"ok":true,"result":{"message_id":\#(UInt32.random(in: 1000...1_000_000))}}"#.utf8))
        }
        agent = try await RecordingServer { request in
            _ = await eventually { !agentGate.isClosed }
            let text = (try? JSONView(parsing: request.body))?["messages"][0]["content"].string ?? "?"
            return .json(Array(#"{"text":"answer to \#(text)","runId":"run-1"}"#.utf8))
        }
        variables = [
            "TELEGRAM_BOT_TOKEN": "123456:test-token", "TELEGRAM_WEBHOOK_SECRET": "test-secret",
            "TELEGRAM_API_BASE": telegram.url, "TELEGRAM_RATE_LIMIT": "off", "STREAMING": "off", "TYPING_DELAY_MS": "0",
            "MASTRA_ENDPOINT": "\(agent.url)/api", "MASTRA_AGENT_ID": "test", "LEASE_MS": "1000",
        ].merging(more) { $1 }
        loop = try EventLoop()
        loop.startThread(name: "user")
        client = HTTPClient(loop: loop)
    }

    deinit { loop.stop() }

    /// Delivers a message as the platform does.
    func say(_ text: String, message: Int, chat: Int = 42, to url: String) async throws {
        let body = """
            {"update_id":\(message),"message":{"message_id":\(message),"date":1790000000,"text":"\(text)",
            "from":{"id":\(chat),"is_bot":false,"first_name":"Anna"},"chat":{"id":\(chat),"type":"private"}}}
            """
        let response = try await client.send(
            HTTPClientRequest(
                method: .post, url: "\(url)/webhooks/telegram",
                headers: ["Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": "test-secret"],
                body: Array(body.utf8)))
        #expect(response.status == .ok)
    }

    /// What users have read, in order.
    var shown: [String] {
        telegram.requests.filter { $0.path.hasSuffix("/sendMessage") }
            .compactMap { (try? JSONView(parsing: $0.body))?["text"].string }
    }

    /// A connection to a Redis, on the user's loop.
    func redis(_ url: String) throws -> RedisClient {
        RedisClient(loop: loop, configuration: try RedisConfiguration(url: url))
    }

    /// A logger's end of the queue, in this process.
    func queue(_ url: String, prefix: String) throws -> RedisJobQueue {
        RedisJobQueue(
            loop: loop, client: try redis(url), blockingClient: try redis(url),
            configuration: .init(prefix: prefix, name: "test-logger"))
    }
}

/// What `chatbridge trace --json` says.
struct TraceReport: Sendable {
    let code: Int32?
    let output: String

    init(_ result: (code: Int32?, output: String)) {
        code = result.code
        output = result.output
    }

    private var root: JSONView {
        let line = output.split(separator: "\n").first { $0.hasPrefix("{") }
        return (try? JSONView(parsing: String(line ?? "{}"))) ?? .missing
    }

    var id: String? { root["id"].string }
    var place: String? { root["now"]["place"].string }
    var part: String? { root["now"]["part"].string }
    var detail: String { root["now"]["detail"].string ?? "" }
    var stages: [String] { root["stages"].elements.compactMap { $0["name"].string } }
    var times: [Int64] { root["stages"].elements.compactMap { $0["microseconds"].int } }
    var answers: [String] { root["answers"].elements.compactMap { $0["id"].string } }
    var places: Set<String> {
        Set(root["places"].elements.map { "\($0["place"].string ?? "") \($0["part"].string ?? "")" })
    }
}
