import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import Synchronization
import TestSupport
import Testing

/// A conversation goes on while Redis, Postgres and the logger fail one after the other.
@Suite(.enabled(if: TestEnvironment.redisServer != nil && TestEnvironment.postgresFolder != nil))
struct OutageTests {
    private static let token = "123456:test-token"
    private static let secret = "test-secret"

    @Test(.timeLimit(.minutes(3)))
    func `users are answered through every outage, and in the end no message is missing or doubled`() async throws {
        let redis = try TestRedis()
        let postgres = try TestPostgres()
        let telegram = try await RecordingServer { request in
            .json(Array(#"{"ok":true,"result":{"message_id":\#(UInt32.random(in: 1...1_000_000))}}"#.utf8))
        }
        let agent = try await RecordingServer { request in
            let text = (try? JSONView(parsing: request.body))?["messages"][0]["content"].string ?? "?"
            return .json(Array(#"{"text":"answer to \#(text)","runId":"run-1"}"#.utf8))
        }
        let stack = try await TestStack(
            databaseURL: postgres.url, redisURL: redis.url,
            variables: [
                "TELEGRAM_BOT_TOKEN": Self.token, "TELEGRAM_WEBHOOK_SECRET": Self.secret,
                "TELEGRAM_API_BASE": telegram.url, "TELEGRAM_RATE_LIMIT": "off", "STREAMING": "off",
                "MASTRA_ENDPOINT": "\(agent.url)/api", "MASTRA_AGENT_ID": "test",
            ])
        try stack.startBridge()
        try stack.startLogger()
        let conversation = Conversation(url: stack.url, secret: Self.secret)

        func exchange(_ stage: String) async throws {
            for _ in 0..<20 { try await conversation.say(stage) }
            let expected = conversation.count
            let isAnswered = await eventually { telegram.requests.count >= expected }
            #expect(isAnswered, "\(stage): \(telegram.requests.count) of \(expected) answered; \(stack.output)")
        }

        try await exchange("all is well")
        redis.signal(SIGSTOP)
        // Longer than any command may take: what was sent counts as unanswered, and the spool takes over.
        for _ in 0..<6 {
            try await exchange("redis is held")
            try await Task.sleep(for: .milliseconds(500))
        }
        redis.signal(SIGCONT)
        try await exchange("redis goes on")
        redis.stop(SIGKILL)
        try await exchange("redis is dead")
        try redis.start()
        try await exchange("redis is back")
        postgres.stop(SIGKILL)
        try await exchange("postgres is dead")
        try postgres.start()
        try await exchange("postgres is back")
        stack.killLogger()
        try await exchange("the logger is dead")
        try stack.startLogger()
        try await exchange("the logger is back")

        // What a bridge could not hand on waits in its spool for the next one.
        try stack.stopBridge()
        try stack.startBridge()
        let expected = conversation.count * 2
        let isLogged = await eventually(within: .seconds(60)) { (try? await stack.count()) == expected }
        let found = try await stack.count()
        #expect(isLogged, "\(found) of \(expected) rows; \(stack.output)")

        let rows = try await stack.rows()
        let questions = rows.filter { $0.direction == "inbound" }.compactMap(\.text)
        let answers = rows.filter { $0.direction == "outbound" }.compactMap(\.text)
        #expect(questions == conversation.texts)
        #expect(answers == conversation.texts.map { "answer to \($0)" })
        let delivered = telegram.requests.compactMap { (try? JSONView(parsing: $0.body))?["text"].string }
        #expect(delivered == answers)
        #expect(rows.allSatisfy { $0.status == "received" || $0.status == "sent" })
    }
}

/// A user who writes to the bot, one message after the other, in one private chat.
private final class Conversation: Sendable {
    private let url: String
    private let secret: String
    private let said = Mutex<[String]>([])
    private let loop: EventLoop
    private let client: HTTPClient

    init(url: String, secret: String) {
        self.url = url
        self.secret = secret
        guard let loop = try? EventLoop() else { preconditionFailure("no event loop") }
        loop.startThread(name: "user")
        self.loop = loop
        client = HTTPClient(loop: loop)
    }

    deinit { loop.stop() }

    var texts: [String] { said.withLock { $0 } }
    var count: Int { said.withLock { $0.count } }

    func say(_ stage: String) async throws {
        let number = said.withLock { $0.count } + 1
        let text = "\(number): \(stage)"
        said.withLock { $0.append(text) }
        let body = """
            {"update_id":\(number),"message":{"message_id":\(number),"date":1790000000,"text":"\(text)",
            "from":{"id":42,"is_bot":false,"first_name":"Ada"},"chat":{"id":42,"type":"private","first_name":"Ada"}}}
            """
        let response = try await client.send(
            HTTPClientRequest(
                method: .post, url: "\(url)/webhooks/telegram",
                headers: ["Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": secret],
                body: Array(body.utf8)))
        #expect(response.status == .ok)
    }
}
