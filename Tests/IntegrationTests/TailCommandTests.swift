import BridgeCore
import Glibc
import JSON
import Postgres
import TestSupport
import Testing

/// `chatbridge tail` over a real Postgres and a real SQLite file.
@Suite(
    .enabled(if: TestEnvironment.redisServer != nil && TestEnvironment.databaseURL != nil), .timeLimit(.minutes(5)))
struct TailCommandTests {
    private static let session = "0199a6f0-7c1e-7000-8000-0000000000ff"

    /// Writes a message that was sent so long ago.
    private func write(
        _ text: String, ago: Duration = .zero, session: String = session, platform: String = "crm", on stack: TestStack
    ) async throws {
        let at = Timestamp.now().advanced(by: .zero - ago)
        var generator = UUIDGenerator()
        let id = generator.next(at: at)
        try await stack.database.execute(
            """
            INSERT INTO sessions (id, platform, platform_conversation_id, status, created_at, last_activity)
            VALUES ($1, $2, 'c-17', 'active', now(), now()) ON CONFLICT DO NOTHING
            """, [.uuid(uuid(session)), .text(platform)])
        try await stack.database.execute(
            """
            INSERT INTO messages (id, session_id, direction, sender_id, content_text, content_type, created_at, status)
            VALUES ($1, $2, 'inbound', 'anna', $3, 'text', $4, 'received')
            """,
            [
                .uuid(PostgresUUID(high: id.high, low: id.low)), .uuid(uuid(session)), .text(text),
                .timestamptz(microsecondsSinceUnixEpoch: at.microseconds),
            ])
    }

    private func uuid(_ text: String) -> PostgresUUID {
        let id = UUID(text) ?? UUID(high: 0, low: 0)
        return PostgresUUID(high: id.high, low: id.low)
    }

    private func start(_ words: [String], on stack: TestStack, _ environment: [String: String] = [:]) throws
        -> ChildProcess
    {
        try ChildProcess(
            [TestEnvironment.chatbridge, "tail"] + words, environment: stack.commandVariables(environment),
            output: stack.folder.path("tail-\(UInt64.random(in: 0...UInt64.max))"))
    }

    @Test func `what was said last comes first, then what is said, each once, also what is written late`() async throws
    {
        let stack = try await TestStack.shared([:])
        for number in 0..<5 { try await write("earlier \(number)", ago: .seconds(3600 - number), on: stack) }
        try await write("just before", ago: .seconds(60), on: stack)
        let tail = try start(["--lines", "3"], on: stack)
        #expect(await eventually { tail.output.contains("just before") }, "\(tail.output)")
        try await write("now \u{1B}[2J\nand here", on: stack)
        #expect(await eventually { tail.output.contains("now") }, "\(tail.output)")
        // A logger that was slow, or a spool that is replayed.
        try await write("late by 3 s", ago: .seconds(3), on: stack)
        try await write("late by 90 s", ago: .seconds(90), on: stack)
        #expect(
            await eventually { tail.output.contains("late by 90 s") && tail.output.contains("late by 3 s") },
            "\(tail.output)")
        #expect(tail.end(SIGINT) == 0)
        let lines = tail.output.split(separator: "\n").map(String.init)
        #expect(lines.count == 6, "\(tail.output)")
        #expect(lines.prefix(3).map { $0.suffix(9) } == ["earlier 3", "earlier 4", "st before"], "\(lines)")
        #expect(lines[3].hasSuffix(#"crm c-17  < anna: now \u{1b}[2J\nand here"#), "\(lines)")
    }

    @Test func `one session or one platform, as JSON`() async throws {
        let stack = try await TestStack.shared([:])
        let other = "0199a6f0-7c1e-7000-8000-0000000000fe"
        try await write("ours before", on: stack)
        try await write("theirs before", session: other, platform: "erp", on: stack)
        let tails = try [["--session", other, "--json"], ["--platform", "erp", "--json"]].map {
            try start($0, on: stack)
        }
        for tail in tails { #expect(await eventually { tail.output.contains("theirs before") }, "\(tail.output)") }
        try await write("ours", on: stack)
        try await write("theirs", session: other, platform: "erp", on: stack)
        for tail in tails {
            #expect(await eventually { tail.output.contains(#""theirs""#) }, "\(tail.output)")
            #expect(tail.end(SIGINT) == 0)
            let texts = try tail.output.split(separator: "\n").map { try JSONView(parsing: String($0))["text"].string }
            #expect(texts == ["theirs before", "theirs"])
        }
    }

    @Test func `a database that goes away is waited for`() async throws {
        let postgres = try TestPostgres()
        let stack = try await TestStack(databaseURL: postgres.url, redisURL: "", variables: [:])
        let tail = try start([], on: stack)
        try await write("before", on: stack)
        #expect(await eventually { tail.output.contains("before") }, "\(tail.output)")
        postgres.stop(SIGQUIT)
        #expect(await eventually { tail.output.contains("trying again") }, "\(tail.output)")
        try postgres.start()
        #expect(await eventually { tail.output.contains("answers again") }, "\(tail.output)")
        try await write("after", on: stack)
        #expect(await eventually { tail.output.contains("after") }, "\(tail.output)")
        #expect(tail.end(SIGTERM) == 0)
    }

    @Test func `embedded: the file may come later, and what run writes is followed`() async throws {
        let bench = try await OperatorBench()
        let stack = try await TestStack.shared(bench.variables)
        let alone = ["REDIS_URL": "", "DATABASE_URL": "sqlite:\(stack.folder.path("chat.db"))"]
        let tail = try start(["--json"], on: stack, alone)
        #expect(await eventually { tail.output.contains("is not there yet") }, "\(tail.output)")
        let run = try stack.startAlone(alone)
        for number in 0..<20 { try await bench.say("hello \(number)", message: 80 + number, to: stack.url) }
        #expect(
            await eventually { tail.output.split(separator: "\n").count { $0.hasPrefix("{") } == 40 }, "\(tail.output)")
        #expect(tail.end(SIGINT) == 0)
        #expect(run.end(SIGTERM) == 0)
        let texts = try tail.output.split(separator: "\n").filter { $0.hasPrefix("{") }
            .compactMap { try JSONView(parsing: String($0))["text"].string }
        #expect(Set(texts).count == 40)
    }

    @Test func `it ends when nobody reads along any more`() async throws {
        let stack = try await TestStack.shared([:])
        for number in 0..<5 { try await write("line \(number)", on: stack) }
        let reader = try ChildProcess(
            ["sh", "-c", "\(TestEnvironment.chatbridge) tail | head -n 2"], environment: stack.commandVariables(),
            output: stack.folder.path("head"))
        #expect(await eventually { reader.output.contains("line 1") }, "\(reader.output)")
        try await write("one more", on: stack)
        #expect(reader.wait(seconds: 30) == 0)
    }

    @Test(
        arguments: [
            (["--session", "x"], 64, "a UUID is expected"), (["--lines", "-1"], 64, "a whole number"),
            (["more"], 64, "more is not understood"), (["--help"], 0, "Example: chatbridge tail"),
        ] as [([String], Int32, String)])
    func `wrong usage is told of`(words: [String], code: Int32, message: String) async throws {
        let stack = try await TestStack.shared([:])
        let (ended, output) = try stack.command(["tail"] + words)
        #expect(ended == code && output.contains(message), "\(output)")
    }

    @Test func `a database that is not there or refuses is named at the start`() async throws {
        let stack = try await TestStack.shared([:])
        let url = "postgres://nobody:hush@127.0.0.1:\(TestEnvironment.freePort())/none"
        let (code, output) = try stack.command(["tail"], ["DATABASE_URL": url])
        #expect(code == 69 && output.contains("chatbridge doctor") && !output.contains("hush"), "\(output)")
    }
}
