import BridgeCore
import Glibc
import JSON
import Journal
import Postgres
import SQLite
import TestSupport
import Testing

/// `forget`, `export`, `prune` and `migrate partition` as an operator runs them, and what they say where something is wrong.
@Suite struct RetentionCommandTests {
    private static let program = TestEnvironment.chatbridge

    private static func job(_ number: UInt64, user: String, text: String) -> LogJob {
        let at = Timestamp.now().advanced(by: .seconds(-3600))
        return .message(
            LogMessage(
                id: UUID(version7At: UInt64(at.microseconds / 1000), fraction: 0, random: number), at: at,
                session: .init(
                    id: UUID(version7At: 1, fraction: 0, random: UInt64(user) ?? 0), platform: "telegram",
                    conversation: user, user: user), direction: .inbound, sender: user, text: text, status: .received))
    }

    private static func filled(_ folder: TemporaryFolder) async throws -> [String: String] {
        let path = folder.path("chat.db")
        let store = SQLiteStore(configuration: SQLiteConfiguration(path: path))
        _ = try await store.write([
            job(1, user: "4242424242", text: "mine"), job(2, user: "7777777777", text: "theirs"),
        ])
        await store.close()
        return ["DATABASE_URL": "sqlite:\(path)", "SPOOL_DIR": folder.path("spool")]
    }

    @Test func `a person is exported, counted, forgotten, and found no more`() async throws {
        let folder = TemporaryFolder()
        let variables = try await Self.filled(folder)
        func run(_ words: String...) throws -> (code: Int32?, output: String) {
            try ChildProcess.run([Self.program] + words, environment: variables, in: folder)
        }
        let exported = try run("export", "telegram", "4242424242")
        #expect(exported.code == 0)
        let document = try JSONView(parsing: exported.output)
        #expect(document["sessions"][0]["messages"][0]["text"].string == "mine")
        let file = folder.path("person.json")
        #expect(try run("export", "telegram", "4242424242", "--output", file).code == 0)
        var status = stat()
        #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try run("export", "telegram", "4242424242", "--output", file).code == 1)

        let dry = try run("forget", "telegram", "4242424242", "--dry-run")
        #expect(dry.code == 0 && dry.output.contains("1 messages"), "\(dry.output)")
        let unasked = try run("forget", "telegram", "4242424242")
        #expect(unasked.code == 64 && unasked.output.contains("--yes"))
        let forgotten = try run("forget", "telegram", "4242424242", "--yes", "--json")
        #expect(forgotten.code == 0)
        let receipt = try JSONView(parsing: forgotten.output)
        #expect(receipt["erased"]["messages"].int == 1 && receipt["erased"]["sessions"].int == 1)
        #expect(!forgotten.output.contains("4242424242"))
        #expect(!(try run("export", "telegram", "4242424242").output.contains("mine")))
        #expect(try run("export", "telegram", "7777777777").output.contains("theirs"))
        let misspelled = try run("forget", "telegramm", "7777777777", "--dry-run")
        #expect(misspelled.code == 0 && misspelled.output.contains("platforms in the database: telegram"))
    }

    @Test func `old messages are pruned`() async throws {
        let folder = TemporaryFolder()
        let variables = try await Self.filled(folder)
        func prune(_ words: String...) throws -> (code: Int32?, output: String) {
            try ChildProcess.run([Self.program, "prune"] + words, environment: variables, in: folder)
        }
        #expect(try prune("--older-than", "90d").output.contains("deleted 0 messages"))
        for words in [
            [], ["--older-than", "90"], ["--older-than", "-3d"], ["--older-than"], ["--older-than", "1d", "x"],
        ] {
            let (code, output) = try ChildProcess.run(
                [Self.program, "prune"] + words, environment: variables, in: folder)
            #expect(code == 64, "\(words): \(output)")
        }
    }

    @Test(arguments: ["forget", "export", "prune"])
    func `help has an example, and wrong usage says where it is`(command: String) throws {
        let folder = TemporaryFolder()
        let (code, output) = try ChildProcess.run([Self.program, command, "--help"], in: folder)
        #expect(code == 0 && output.contains("Example: chatbridge \(command)"))
        let wrong = try ChildProcess.run([Self.program, command, "--nothing"], in: folder)
        #expect(wrong.code == 64 && wrong.output.contains("--help"))
    }

    private static let words: [String: [String]] = [
        "forget": ["telegram", "4242424242", "--yes", "--wait", "0"], "export": ["telegram", "4242424242"],
        "prune": ["--older-than", "90d"],
    ]

    @Test(arguments: ["forget", "export", "prune"])
    func `a database that is away, wrong or refuses us is exit code 69, a wrong configuration 78`(command: String)
        async throws
    {
        let folder = TemporaryFolder()
        func run(_ url: String, _ more: [String: String] = [:]) throws -> (code: Int32?, output: String) {
            let (code, output) = try ChildProcess.run(
                [Self.program, command] + (Self.words[command] ?? []),
                environment: ["DATABASE_URL": url, "SPOOL_DIR": folder.path("spool")].merging(more) { $1 }, in: folder)
            #expect(!output.contains("hunter2"))
            return (code, output)
        }
        let closed = TestEnvironment.freePort()
        let away = try run("postgres://chat:hunter2@127.0.0.1:\(closed)/chat")
        #expect(away.code == 69 && away.output.contains("DATABASE_URL"), "\(away.output)")
        let missing = try run("sqlite:\(folder.path("nowhere.db"))")
        #expect(missing.code == 69 && missing.output.contains("nowhere.db"))
        #expect(access(folder.path("nowhere.db"), F_OK) != 0)
        #expect(try run("mysql://x").code == 78)
        let garbage = folder.path("garbage.db")
        let pen = try #require(fopen(garbage, "w"))
        fputs(String(repeating: "this is no database ", count: 100), pen)
        fclose(pen)
        #expect([65, 69].contains(try run("sqlite:\(garbage)").code))
        guard let url = TestEnvironment.databaseURL, let at = url.lastIndex(of: "@") else { return }
        let wrong = try run("postgres://chatbridge:hunter2\(url[at...])")
        #expect(wrong.code == 69 && wrong.output.contains("password authentication failed"), "\(wrong.output)")
        let nobody = try run("postgres://nobody:hunter2\(url[at...])")
        #expect(nobody.code == 69)
    }

    @Test func `a Redis that is away is exit code 69, and what was forgotten before stays so`() async throws {
        let folder = TemporaryFolder()
        var variables = try await Self.filled(folder)
        variables["REDIS_URL"] = "redis://127.0.0.1:\(TestEnvironment.freePort())"
        let (code, output) = try ChildProcess.run(
            [Self.program, "forget", "telegram", "4242424242", "--yes"], environment: variables, in: folder)
        #expect(code == 69 && output.contains("REDIS_URL"), "\(output)")
        variables["REDIS_URL"] = nil
        let again = try ChildProcess.run(
            [Self.program, "forget", "telegram", "4242424242", "--yes"], environment: variables, in: folder)
        #expect(again.code == 0)
    }

    // Disabled without CHATBRIDGE_TEST_DATABASE_URL: this needs a real server.
    @Test(.enabled(if: TestEnvironment.databaseURL != nil))
    func `messages are cut into partitions, once, and what is in the way is said`() async throws {
        let stack = try await TestStack.shared([:])
        let folder = TemporaryFolder()
        func migrate(_ words: String...) throws -> (code: Int32?, output: String) {
            try ChildProcess.run(
                [Self.program, "migrate"] + words, environment: ["DATABASE_URL": stack.databaseURL], in: folder)
        }
        let away = try ChildProcess.run(
            [Self.program, "migrate", "partition"],
            environment: ["DATABASE_URL": "postgres://chat:hunter2@127.0.0.1:\(TestEnvironment.freePort())/chat"],
            in: folder)
        #expect(away.code == 69 && !away.output.contains("hunter2"), "\(away.output)")
        let file = try ChildProcess.run(
            [Self.program, "migrate", "partition"], environment: ["DATABASE_URL": "sqlite:x.db"], in: folder)
        #expect(file.code == 78)
        try await stack.database.simple("CREATE VIEW latest AS SELECT * FROM messages")
        let refused = try migrate("partition")
        #expect(refused.code == 1 && refused.output.contains("latest"), "\(refused.output)")
        try await stack.database.simple("DROP VIEW latest")
        #expect(try migrate("partitions").output.contains("has no partitions"))
        let cut = try migrate("partition", "--ahead", "2")
        #expect(cut.code == 0 && cut.output.contains("messages_default"), "\(cut.output)")
        #expect(try migrate("partition").output.contains("nothing to do"))
        #expect(
            try await stack.database.query("SELECT inhrelid FROM pg_inherits WHERE inhparent = 'messages'::regclass")
                .count == 4)
        #expect(try migrate("partitions", "--ahead", "5").output.contains("made messages_y"))
    }
}
