import Glibc
import JSON
import Postgres
import TestSupport

/// The production shape in small: `serve` and `logger` as processes of their own, between real servers.
final class TestStack: @unchecked Sendable {
    // Unchecked: one test owns it and calls it in turn.

    let folder = TemporaryFolder()
    let port = TestEnvironment.freePort()
    let databaseURL: String
    let redisURL: String
    let prefix = "test-\(UInt64.random(in: 0...UInt64.max))"
    let database: PostgresConnection
    private let variables: [String: String]
    private(set) var bridge: ChildProcess?
    private(set) var logger: ChildProcess?
    private var loggers = 0

    /// A stack over these servers; nothing runs yet, the tables are made.
    ///
    /// - Parameter variables: the configuration besides stores and port.
    init(databaseURL: String, redisURL: String, variables: [String: String]) async throws {
        self.databaseURL = databaseURL
        self.redisURL = redisURL
        self.variables = variables
        database = PostgresConnection(configuration: try PostgresConfiguration(databaseURL))
        let (code, output) = try ChildProcess.run(
            [TestEnvironment.chatbridge, "migrate", "up", "--wait", "20"], environment: ["DATABASE_URL": databaseURL],
            in: folder)
        guard code == 0 else { throw ChildProcess.Failure("migrate: \(output)") }
    }

    /// A stack over the servers of the test run, in a database of its own.
    static func shared(_ variables: [String: String]) async throws -> TestStack {
        let base = TestEnvironment.databaseURL ?? ""
        let name = "chatbridge_test_\(UInt64.random(in: 0...UInt64.max))"
        let administration = PostgresConnection(configuration: try PostgresConfiguration(base))
        try await administration.simple("CREATE DATABASE \(name)")
        await administration.close()
        let query = base.firstIndex(of: "?").map { String(base[$0...]) } ?? ""
        let path = base.prefix { $0 != "?" }
        let server = path[..<(path.lastIndex(of: "/") ?? path.endIndex)]
        return try await TestStack(
            databaseURL: "\(server)/\(name)\(query)", redisURL: TestEnvironment.redisURL ?? "", variables: variables)
    }

    /// Where the bridge listens.
    var url: String { "http://127.0.0.1:\(port)" }

    /// - Parameter wrapper: words before the command, as `prlimit` and its options.
    func startBridge(through wrapper: [String] = []) throws {
        var environment = variables
        environment["PORT"] = "\(port)"
        environment["REDIS_URL"] = redisURL
        environment["REDIS_PREFIX"] = prefix
        environment["SPOOL_DIR"] = folder.path("spool")
        environment["LOG_LEVEL"] = "info"
        // It looks up attachments there; without any it needs no database.
        if variables["ATTACHMENT_BUCKET"] != nil { environment["DATABASE_URL"] = databaseURL }
        bridge = try ChildProcess(
            wrapper + [TestEnvironment.chatbridge, "serve"], environment: environment,
            output: folder.path("bridge.log"))
        try awaitListener(on: port, of: bridge)
    }

    /// Bridge and logger in one process, with the queue in it too.
    func startRun() throws {
        var environment = variables
        environment["PORT"] = "\(port)"
        environment["DATABASE_URL"] = databaseURL
        environment["SPOOL_DIR"] = folder.path("spool")
        environment["LOG_FLUSH_MS"] = "10"
        bridge = try ChildProcess(
            [TestEnvironment.chatbridge, "run"], environment: environment, output: folder.path("bridge.log"))
        try awaitListener(on: port, of: bridge)
    }

    func startLogger() throws {
        logger = try makeLogger(variables.filter { $0.key == "LEASE_MS" })
    }

    /// One more logger, that is the caller's.
    func makeLogger(_ more: [String: String]) throws -> ChildProcess {
        let environment = [
            "REDIS_URL": redisURL, "REDIS_PREFIX": prefix, "DATABASE_URL": databaseURL, "LOG_FLUSH_MS": "10",
        ]
        loggers += 1
        return try ChildProcess(
            [TestEnvironment.chatbridge, "logger"], environment: environment.merging(more) { $1 },
            output: folder.path("logger-\(loggers).log"))
    }

    /// Ends the bridge as an operator would: it answers what it has taken and hands on its log.
    func stopBridge() throws {
        let code = bridge?.end(SIGTERM)
        guard code == 0 else {
            throw ChildProcess.Failure("serve ended with \(code as Int32?): \(bridge?.output.suffix(2000) ?? "")")
        }
    }

    /// `chatbridge run` in this configuration, with these differences; it is the caller's.
    func startAlone(_ environment: [String: String]) throws -> ChildProcess {
        let process = try ChildProcess(
            [TestEnvironment.chatbridge, "run"], environment: commandVariables(environment),
            output: folder.path("run.log"))
        try awaitListener(on: port, of: process)
        return process
    }

    /// Runs a command of the operator, with the configuration of this stack.
    ///
    /// - Parameter environment: what is different from it; an empty value takes a variable away.
    func command(_ words: [String], _ environment: [String: String] = [:]) throws -> (code: Int32?, output: String) {
        try ChildProcess.run(
            [TestEnvironment.chatbridge] + words, environment: commandVariables(environment), in: folder)
    }

    /// What ``command(_:_:)`` sets.
    func commandVariables(_ more: [String: String] = [:]) -> [String: String] {
        var all = variables
        all["PORT"] = "\(port)"
        all["REDIS_URL"] = redisURL
        all["REDIS_PREFIX"] = prefix
        all["DATABASE_URL"] = databaseURL
        all["SPOOL_DIR"] = folder.path("spool")
        return all.merging(more) { $1 }.filter { !$0.value.isEmpty }
    }

    /// Lets events be taken again that were taken before: recorded payloads bear each other's ids.
    func forgetEvents() throws {
        let script =
            "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end return 'forgotten'"
        let (code, output) = try ChildProcess.run(
            ["redis-cli", "-u", redisURL, "EVAL", script, "0", "\(prefix):inbox:seen:*"], in: folder)
        guard code == 0, output.contains("forgotten") else { throw ChildProcess.Failure("redis-cli: \(output)") }
    }

    func killLogger() {
        logger?.end(SIGKILL)
    }

    /// What the processes have written, for the message of a failed test.
    var output: String {
        "bridge:\n\(bridge?.output.suffix(3000) ?? "")\nlogger:\n\(logger?.output.suffix(3000) ?? "")"
    }

    /// One row of `messages` with its session.
    struct Row: Sendable {
        let direction: String
        let type: String
        let status: String
        let text: String?
        let sender: String?
        let attachments: Int
        let metadata: JSONText
        let platform: String
        let account: String
        let conversation: String
    }

    /// The bytes of a JSON object; views of it do not travel between tasks.
    struct JSONText: Sendable {
        let bytes: [UInt8]
        subscript(name: String) -> String? { (try? JSONView(parsing: bytes))?[name].idString }
    }

    /// Every message, in the order of time.
    func rows(after marker: String? = nil) async throws -> [Row] {
        let rows = try await database.query(
            """
            SELECT m.direction, m.content_type, m.status, m.content_text, m.sender_id, m.metadata,
                   jsonb_array_length(m.attachments) AS attachments, s.platform, s.account, s.platform_conversation_id
            FROM messages m JOIN sessions s ON s.id = m.session_id ORDER BY m.id
            """)
        return try rows.map { row in
            Row(
                direction: try row.text("direction") ?? "", type: try row.text("content_type") ?? "",
                status: try row.text("status") ?? "", text: try row.text("content_text"),
                sender: try row.text("sender_id"), attachments: try row.int("attachments") ?? -1,
                metadata: JSONText(bytes: try row.json("metadata") ?? []), platform: try row.text("platform") ?? "",
                account: try row.text("account") ?? "", conversation: try row.text("platform_conversation_id") ?? "")
        }
    }

    /// How many messages there are.
    func count() async throws -> Int {
        try await database.query("SELECT count(*)::int8 AS n FROM messages").first?.int("n") ?? 0
    }
}
