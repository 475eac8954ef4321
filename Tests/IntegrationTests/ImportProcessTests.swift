import BridgeCore
import EventLoop
import Glibc
import Journal
import Postgres
import Redis
import SQLite
import TestSupport
import Testing

/// `chatbridge import` as a process, against a real Postgres.
@Suite(.enabled(if: TestEnvironment.databaseURL != nil), .timeLimit(.minutes(5)), .serialized)
struct ImportProcessTests {
    @Test(arguments: ImportStore.allCases)
    func `each kind of store comes in whole, and a second run adds nothing`(_ kind: ImportStore) async throws {
        try await Import.with { run in
            let more = try await kind.make(at: run.path, in: run.folder, messages: 5_000)
            let dry = try run.start(more + ["--dry-run"])
            #expect(dry.code == 0 && dry.output.contains("adds      40 sessions and 5,000 messages"), "\(dry.output)")
            #expect(try await run.count("messages") == 0)

            let first = try run.start(more)
            #expect(first.code == 0, "\(first.output)")
            #expect(first.output.contains("0 differences") && first.output.contains("5,000 added"), "\(first.output)")
            #expect(try await run.count("messages") == 5_000)
            #expect(try await run.count("sessions") == ImportStore.sessions)

            let again = try run.start(more + ["--samples", "2"])
            #expect(again.code == 0 && again.output.contains("messages  0 added"), "\(again.output)")
            #expect(again.output.components(of: "in the file").count == 3, "\(again.output)")
            #expect(try await run.count("messages") == 5_000)
            let alone = try run.start(more + ["--validate"])
            #expect(alone.code == 0 && alone.output.contains("0 differences"), "\(alone.output)")
        }
    }

    @Test(arguments: ImportStore.allCases)
    func `killed twenty times in the middle, a last run comes to 0 differences`(_ kind: ImportStore) async throws {
        try await Import.with { run in
            let messages = 30_000
            let more = try await kind.make(at: run.path, in: run.folder, messages: messages)
            let words = more + ["--batch", "50", "--no-validation"]
            // A busy machine may not come to the kill before the run is through: while it is killed, a page takes its time.
            try await run.database.simple(
                """
                CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql
                    AS 'BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END';
                CREATE TRIGGER slow AFTER INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION take_time()
                """)
            var kills = 0
            while kills < 20 {
                let before = try await run.count("messages")
                let process = try run.spawn(words)
                // Further than the run before, and not through: so soon that there is enough for twenty.
                let limit = ContinuousClock.now + .seconds(30)
                while process.isRunning, ContinuousClock.now < limit, try await run.count("messages") == before {
                    usleep(500)
                }
                usleep(UInt32.random(in: 0...3_000))
                process.signal(SIGKILL)
                #expect(process.wait() == nil, "the run was through: \(process.output)")
                kills += 1
            }
            let there = try await run.count("messages")
            #expect(there < messages)
            try await run.database.simple("DROP TRIGGER slow ON messages; DROP FUNCTION take_time()")
            let last = try run.start(more)
            #expect(last.code == 0 && last.output.contains("0 differences"), "\(last.output)")
            #expect(last.output.contains("it went on there"), "\(last.output)")
            #expect(try await run.count("messages") == messages)
        }
    }

    @Test(.enabled(if: TestEnvironment.redisURL != nil))
    func `a logger that writes to the same sessions meanwhile and an import leave each other alone`() async throws {
        try await Import.with { run in
            let more = try await ImportStore.chatbridge.make(at: run.path, in: run.folder, messages: 20_000)
            let loop = try EventLoop()
            loop.startThread(name: "redis")
            defer { loop.stop() }
            let redis = TestEnvironment.redisURL ?? ""
            let client = RedisClient(loop: loop, configuration: try RedisConfiguration(url: redis))
            let prefix = "test-\(UInt64.random(in: 0...UInt64.max))"
            let logger = try ChildProcess(
                [TestEnvironment.chatbridge, "logger"],
                environment: [
                    "REDIS_URL": redis, "REDIS_PREFIX": prefix, "DATABASE_URL": run.url, "LOG_FLUSH_MS": "5",
                ], output: run.folder.path("logger.log"))
            let process = try run.spawn(more + ["--batch", "500"])
            var generator = UUIDGenerator()
            var live = 0
            // Until the import is through, and twenty rounds at least.
            while process.isRunning || live < 400 {
                var command = RedisCommand("LPUSH", "\(prefix):log")
                for _ in 0..<20 {
                    let now = Timestamp.now().advanced(by: .seconds(86_400 * 365))
                    let session = UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(live % 40))
                    let message = LogMessage(
                        id: generator.next(at: now), at: now,
                        session: .init(
                            id: session, platform: "telegram", conversation: "chat-\(live % 40)", user: "live"),
                        direction: .inbound, sender: "u", text: "live \(live)", status: .received)
                    command.append(LogJob.message(message).encoded())
                    live += 1
                }
                try await client.send(command)
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(process.output.contains("0 differences"), "\(process.output)")
            let expected = 20_000 + live
            let isThere = try await eventually { try await run.count("messages") == expected }
            #expect(isThere, "\(logger.output.suffix(2000))")
            #expect(logger.end() == 0)
            let check = try run.start(more + ["--validate"])
            #expect(check.code == 0 && check.output.contains("0 differences"), "\(check.output)")
            #expect(check.output.contains("later messages"), "\(check.output)")
            #expect(try await client.send(["LLEN", "\(prefix):log:dead"]).integer == 0)
            await client.shutdown()
        }
    }

    @Test func `rows that cannot be imported go to a file, and the exit code says so`() async throws {
        try await Import.with { run in
            let more = try await ImportStore.mapping.make(at: run.path, in: run.folder, messages: 100)
            let database = SQLiteDatabase(configuration: SQLiteConfiguration(path: run.path))
            try await database.script("UPDATE log SET at = 'long ago' WHERE id IN (7, 9)")
            await database.close()
            let dry = try run.start(more + ["--dry-run"])
            #expect(dry.code == 65 && dry.output.contains("log, row 7"), "\(dry.output)")
            #expect(TestEnvironment.read(run.path + ".rejected.jsonl") == nil)
            let done = try run.start(more)
            #expect(done.code == 65 && done.output.contains("rejected"), "\(done.output)")
            #expect(try await run.count("messages") == 98)
            let lines = String(decoding: TestEnvironment.read(run.path + ".rejected.jsonl") ?? [], as: UTF8.self)
            #expect(lines.components(of: "\n").count == 3 && lines.contains(#""rowid":9"#), "\(lines)")
        }
    }

    @Test func `what has changed in the database is found, and the exit code says so`() async throws {
        try await Import.with { run in
            let more = try await ImportStore.mastra.make(at: run.path, in: run.folder, messages: 200)
            #expect(try run.start(more).code == 0)
            try await run.database.simple(
                "UPDATE messages SET content_text = 'else' WHERE content_text LIKE '%words 120'")
            let found = try run.start(more + ["--validate"])
            #expect(found.code == 1, "\(found.output)")
            #expect(found.output.contains("another content_text"), "\(found.output)")
        }
    }

    /// Command lines that cannot work: the variables that differ, the words, the exit code, and what is said.
    static let faults: [(name: String, variables: [String: String], words: [String], code: Int32, says: String)] = [
        ("no file", [:], [], 64, "is expected"),
        ("two things at once", [:], ["FILE", "--dry-run", "--validate"], 64, "only one of"),
        ("no such file", [:], ["/nowhere/old.db"], 65, "/nowhere/old.db"),
        ("no database file", [:], ["/etc/passwd"], 65, "SQLite"),
        ("no such mapping", [:], ["FILE", "--map", "/nowhere.json"], 65, "/nowhere.json"),
        ("a mapping that is none", [:], ["FILE", "--map", "/etc/passwd"], 65, "mapping"),
        ("no DATABASE_URL", ["DATABASE_URL": ""], ["FILE"], 78, "DATABASE_URL"),
        ("an SQLite DATABASE_URL", ["DATABASE_URL": "sqlite:x.db"], ["FILE"], 78, "postgres://"),
        ("database down", ["DATABASE_URL": "postgres://u:cAnArY@127.0.0.1:1/db"], ["FILE"], 69, "127.0.0.1"),
        ("a file that cannot be written", [:], ["FILE", "--rejected", "/nowhere/rejected"], 1, "/nowhere/rejected"),
    ]

    @Test(arguments: faults.indices)
    func `a fault is named, with its cure and its exit code`(_ index: Int) async throws {
        let fault = Self.faults[index]
        try await Import.with { run in
            _ = try await ImportStore.mapping.make(at: run.path, in: run.folder, messages: 10)
            // One row that must be rejected.
            let database = SQLiteDatabase(configuration: SQLiteConfiguration(path: run.path))
            try await database.script("UPDATE log SET at = 'long ago' WHERE id = 7")
            await database.close()
            var words = fault.words.map { $0 == "FILE" ? run.path : $0 }
            if words.contains(run.path), !words.contains("--map") {
                words += ["--map", run.folder.path("mapping.json")]
            }
            let (code, output) = try ChildProcess.run(
                [TestEnvironment.chatbridge, "import"] + words,
                environment: ["DATABASE_URL": run.url].merging(fault.variables) { $1 }, in: run.folder)
            #expect(code == fault.code, "\(fault.name): \(output)")
            #expect(output.contains(fault.says), "\(fault.name): \(output)")
            #expect(!output.contains("cAnArY"))
        }
    }

    @Test func `a wrong password, missing migrations and a read-only database are each named`() async throws {
        try await Import.with { run in
            let more = try await ImportStore.mastra.make(at: run.path, in: run.folder, messages: 10)
            func start(_ url: String) throws -> (code: Int32?, output: String) {
                try ChildProcess.run(
                    [TestEnvironment.chatbridge, "import", run.path] + more, environment: ["DATABASE_URL": url],
                    in: run.folder)
            }
            let base = TestEnvironment.databaseURL ?? ""
            let password = base.drop { $0 != "@" }
            let user = base.dropFirst("postgres://".count).prefix { $0 != ":" }
            let refused = try start("postgres://\(user):cAnArY\(password)")
            #expect(refused.code == 78 && refused.output.contains("password"), "\(refused.output)")
            #expect(!refused.output.contains("cAnArY"))

            let readOnly = try start(run.url + "%20-cdefault_transaction_read_only%3Don")
            #expect(readOnly.code == 69 && readOnly.output.contains("takes no writes"), "\(readOnly.output)")

            try await run.database.simple("DROP TABLE messages, sessions, chatbridge_migrations CASCADE")
            let empty = try start(run.url)
            #expect(empty.code == 78 && empty.output.contains("chatbridge migrate up"), "\(empty.output)")
        }
    }

    @Test func `its help has examples`() async throws {
        try await Import.with { run in
            let help = try run.start(["--help"])
            #expect(help.code == 0 && help.output.contains("Example:"))
        }
    }
}

/// A schema with the tables, a folder with the file, and the program over both.
private struct Import: Sendable {
    let url: String
    let folder: TemporaryFolder
    let database: PostgresConnection

    var path: String { folder.path("old.db") }

    /// Runs the program to its end.
    func start(_ words: [String]) throws -> (code: Int32?, output: String) {
        try ChildProcess.run(
            [TestEnvironment.chatbridge, "import", path] + words, environment: ["DATABASE_URL": url], in: folder)
    }

    func spawn(_ words: [String]) throws -> ChildProcess {
        try ChildProcess(
            [TestEnvironment.chatbridge, "import", path] + words, environment: ["DATABASE_URL": url],
            output: folder.path("import-\(UInt64.random(in: 0...UInt64.max)).log"))
    }

    func count(_ table: String) async throws -> Int {
        try await database.query("SELECT count(*) AS n FROM \(table)").first?.int("n") ?? 0
    }

    static func with(_ body: (Import) async throws -> Void) async throws {
        let base = try #require(TestEnvironment.databaseURL)
        let schema = "test_\(UInt64.random(in: .min ... .max))"
        let admin = PostgresConnection(configuration: try PostgresConfiguration(base))
        try await admin.simple("CREATE SCHEMA \(schema)")
        let url = base + (base.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)"
        let configuration = try PostgresConfiguration(url)
        _ = try await MigrationRunner(Migrations.embedded(), on: configuration).up()
        let run = Import(
            url: url, folder: TemporaryFolder(), database: PostgresConnection(configuration: configuration))
        do {
            try await body(run)
        } catch {
            await run.database.close()
            try await admin.simple("DROP SCHEMA \(schema) CASCADE")
            throw error
        }
        await run.database.close()
        try await admin.simple("DROP SCHEMA \(schema) CASCADE")
        await admin.close()
    }
}

extension String {
    /// What is between the occurrences of a text.
    fileprivate func components(of separator: String) -> [Substring] {
        split(separator: separator, omittingEmptySubsequences: false)
    }
}

/// Writes a file.
func writeFile(_ path: String, _ text: String) throws {
    guard let file = fopen(path, "w") else { throw ChildProcess.Failure("cannot write \(path)") }
    fputs(text, file)
    fclose(file)
}
