import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import SQLite
import Synchronization
import TestSupport
import Testing

/// `chatbridge run` with nothing but its own files, killed in the middle of its work.
@Suite struct EmbeddedModeTests {
    @Test(.timeLimit(.minutes(3)))
    func `durable: what was acknowledged before a kill is answered by the next start, once and in order`() async throws
    {
        let bridge = try await Embedded(["ACK": "durable"])
        bridge.gate.set(closed: true)
        var process = try bridge.start()
        let said = ["1 a", "2 b", "1 c", "2 d", "1 e"]
        for (number, text) in said.enumerated() { try await bridge.say(text, update: number) }
        #expect(await eventually { bridge.asked.count >= 2 }, "\(process.output)")
        process.signal(SIGKILL)
        _ = process.wait()
        #expect(bridge.shown.isEmpty)

        bridge.gate.set(closed: false)
        process = try bridge.start()
        #expect(await eventually { bridge.shown.count == said.count }, "\(bridge.shown) \(process.output)")
        // Shown is not settled yet: a kill in between leaves an answer in doubt.
        #expect(try await eventually { try await bridge.count("held", in: bridge.inboxPath) == 0 })
        // The platform comes again with all of them, and once more after another kill.
        for (number, text) in said.enumerated() { try await bridge.say(text, update: number) }
        process.signal(SIGKILL)
        _ = process.wait()
        process = try bridge.start()
        for (number, text) in said.enumerated() { try await bridge.say(text, update: number) }
        #expect(try await eventually { try await bridge.rows() == said.count * 2 }, "\(process.output)")
        #expect(process.end() == 0)
        for chat in ["1", "2"] {
            let expected = said.filter { $0.hasPrefix(chat) }.map { "answer to \($0)" }
            #expect(bridge.shown.filter { $0.hasPrefix("answer to \(chat)") } == expected)
        }
        #expect(bridge.shown.count == said.count, "\(bridge.shown)")
        #expect(try await bridge.rows() == said.count * 2)
    }

    @Test(.timeLimit(.minutes(3)))
    func `fast: what was answered before a kill is not answered again, and its log is complete`() async throws {
        let bridge = try await Embedded(["ACK": "fast"])
        var process = try bridge.start()
        let said = (0..<20).map { "\($0 % 5) message \($0)" }
        for (number, text) in said.enumerated() { try await bridge.say(text, update: number) }
        #expect(await eventually { bridge.shown.count == said.count }, "\(process.output)")
        // The marks follow some milliseconds after the answers, and the log jobs.
        #expect(try await eventually { try await bridge.count("seen", in: bridge.inboxPath) == said.count })
        #expect(
            try await eventually {
                try await bridge.rows() + bridge.count("jobs", in: bridge.inboxPath) >= said.count * 2
            })
        process.signal(SIGKILL)
        _ = process.wait()
        process = try bridge.start()
        for (number, text) in said.enumerated() { try await bridge.say(text, update: number) }
        #expect(try await eventually { try await bridge.rows() == said.count * 2 }, "\(process.output)")
        #expect(process.end() == 0)
        #expect(bridge.shown.sorted() == said.map { "answer to \($0)" }.sorted())
        #expect(try await bridge.rows() == said.count * 2)
    }

    @Test(.timeLimit(.minutes(3)))
    func `a second process on the folder does not start with ACK=durable, and says what to do`() async throws {
        let bridge = try await Embedded(["ACK": "durable"])
        let first = try bridge.start()
        let second = try bridge.startProcess(on: TestEnvironment.freePort())
        #expect(second.wait(seconds: 60) == 69)
        #expect(second.output.contains("in use by another chatbridge"), "\(second.output)")
        #expect(second.output.contains("SPOOL_DIR"))
        try await bridge.say("1 still here", update: 1)
        #expect(await eventually { bridge.shown.count == 1 })
        #expect(first.end() == 0)
    }

    @Test(.timeLimit(.minutes(3)))
    func `a person is forgotten while the process runs, also what is being answered just then`() async throws {
        let bridge = try await Embedded(["ACK": "durable"])
        let process = try bridge.start()
        try await bridge.say("1 lemon", update: 0)
        try await bridge.say("2 other", update: 1)
        #expect(try await eventually { try await bridge.rows() == 4 }, "\(process.output)")
        bridge.gate.set(closed: true)
        try await bridge.say("1 quince", update: 2)
        #expect(await eventually { bridge.asked.count == 3 })

        let early = try bridge.run("forget", "telegram", "41", "--yes", "--json", "--wait", "0")
        #expect(early.code == 1, "\(early.output)")
        let receipt = try JSONView(parsing: early.output)
        #expect(receipt["erased"]["messages"].int ?? 0 >= 2 && receipt["in_work"]["inbox"].int == 1)
        #expect(receipt["complete"].bool == false)

        bridge.gate.set(closed: false)
        let late = try bridge.run("forget", "telegram", "41", "--yes", "--json", "--wait", "60")
        #expect(late.code == 0, "\(late.output)")
        // The answer was sent, and neither it nor its question is written down, now or later.
        #expect(await eventually { bridge.shown.contains("answer to 1 quince") })
        try await bridge.say("2 again", update: 3)
        #expect(try await eventually { try await bridge.rows() >= 4 })
        #expect(process.end() == 0)
        #expect(try await bridge.rows() == 4)
        for path in bridge.files {
            let text = String(decoding: TestEnvironment.read(path) ?? [], as: UTF8.self)
            #expect(!text.contains("lemon") && !text.contains("quince"), "\(path)")
        }
    }
}

/// A bridge with a folder, a platform and an agent of its own.
private final class Embedded: Sendable {
    private let folder = TemporaryFolder()
    private let port = TestEnvironment.freePort()
    private let telegram: RecordingServer
    private let agent: RecordingServer
    private let variables: [String: String]
    private let loop: EventLoop
    private let client: HTTPClient

    /// Whether the agent keeps what it is asked.
    let gate: Gate

    final class Gate: Sendable {
        private let closed = Mutex(false)
        var isClosed: Bool { closed.withLock { $0 } }

        func set(closed isClosed: Bool) { closed.withLock { $0 = isClosed } }
    }

    init(_ variables: [String: String]) async throws {
        let gate = Gate()
        self.gate = gate
        telegram = try await RecordingServer { _ in
            .json(Array(#"{"ok":true,"result":{"message_id":\#(UInt32.random(in: 1...1_000_000))}}"#.utf8))
        }
        agent = try await RecordingServer { request in
            _ = await eventually { !gate.isClosed }
            let text = (try? JSONView(parsing: request.body))?["messages"][0]["content"].string ?? "?"
            return .json(Array(#"{"text":"answer to \#(text)","runId":"run-1"}"#.utf8))
        }
        self.variables = variables
        loop = try EventLoop()
        loop.startThread(name: "user")
        client = HTTPClient(loop: loop)
    }

    deinit { loop.stop() }

    var inboxPath: String { folder.path("spool/inbox.db") }

    /// What it keeps on disk.
    var files: [String] {
        ["", "-wal"].flatMap { [folder.path("chat.db") + $0, inboxPath + $0] }
    }

    /// Runs another command over the same files.
    func run(_ words: String...) throws -> (code: Int32?, output: String) {
        try ChildProcess.run(
            [TestEnvironment.chatbridge] + words,
            environment: ["DATABASE_URL": "sqlite:\(folder.path("chat.db"))", "SPOOL_DIR": folder.path("spool")],
            in: folder)
    }

    /// Starts the program and waits until it listens.
    func start() throws -> ChildProcess {
        let process = try startProcess(on: port)
        try awaitListener(on: port, of: process)
        return process
    }

    func startProcess(on port: Int) throws -> ChildProcess {
        var environment = variables
        environment["PORT"] = "\(port)"
        environment["DATABASE_URL"] = "sqlite:\(folder.path("chat.db"))"
        environment["SPOOL_DIR"] = folder.path("spool")
        environment["TELEGRAM_BOT_TOKEN"] = "123456:test-token"
        environment["TELEGRAM_WEBHOOK_SECRET"] = "test-secret"
        environment["TELEGRAM_API_BASE"] = telegram.url
        environment["TELEGRAM_RATE_LIMIT"] = "off"
        environment["STREAMING"] = "off"
        environment["MASTRA_ENDPOINT"] = "\(agent.url)/api"
        environment["MASTRA_AGENT_ID"] = "test"
        return try ChildProcess(
            [TestEnvironment.chatbridge, "run"], environment: environment, output: folder.path("bridge-\(port).log"))
    }

    /// Delivers a message as the platform does; its first character names the chat.
    func say(_ text: String, update: Int) async throws {
        let chat = text.prefix(1)
        let body = """
            {"update_id":\(update + 1),"message":{"message_id":\(update + 1),"date":1790000000,"text":"\(text)",
            "from":{"id":4\(chat),"is_bot":false,"first_name":"A"},"chat":{"id":4\(chat),"type":"private"}}}
            """
        let response = try await client.send(
            HTTPClientRequest(
                method: .post, url: "http://127.0.0.1:\(port)/webhooks/telegram",
                headers: ["Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": "test-secret"],
                body: Array(body.utf8)))
        #expect(response.status == .ok)
    }

    /// What the agent was asked.
    var asked: [HTTPRequest] { agent.requests }

    /// What users have read, in order.
    var shown: [String] {
        telegram.requests.compactMap { (try? JSONView(parsing: $0.body))?["text"].string }
    }

    /// The rows of the log.
    func rows() async throws -> Int { try await count("messages", in: folder.path("chat.db")) }

    func count(_ table: String, in path: String) async throws -> Int {
        let database = SQLiteDatabase(configuration: SQLiteConfiguration(path: path))
        let count = try await database.query("SELECT count(*) AS count FROM \(table)").first?.int("count") ?? 0
        await database.close()
        return count
    }
}
