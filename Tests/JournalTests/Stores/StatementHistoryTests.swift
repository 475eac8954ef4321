import BridgeCore
import Glibc
import Postgres
import TestSupport
import Testing

@testable import Journal

/// The statements of each version against the tables of today: see Tests/Statements/README.md.
// Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
@Suite(.enabled(if: StoreKind.databaseURL != nil)) struct StatementHistoryTests {
    /// Tests/JournalTests/Stores/… is three levels below Tests.
    private static let folder =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/Statements"

    private static func path(_ version: Int) -> String {
        let digits = String(version)
        return "\(folder)/schema-\(String(repeating: "0", count: 4 - digits.count))\(digits).sql"
    }

    /// The statements of a file by their names.
    private static func recorded(_ version: Int) -> [String: String]? {
        guard let bytes = TestEnvironment.read(path(version)) else { return nil }
        var statements: [String: String] = [:]
        var name = ""
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("-- name: ") {
                name = String(line.dropFirst(9))
                statements[name] = ""
            } else if !name.isEmpty {
                statements[name, default: ""] += line + "\n"
            }
        }
        return statements.mapValues { text in
            var text = Substring(text)
            while text.last?.isNewline == true || text.last == ";" { text = text.dropLast() }
            return String(text)
        }
    }

    private static var versions: [Int] {
        TestEnvironment.files(in: folder).compactMap { name in
            name.hasSuffix(".sql") ? Int(name.dropFirst(7).prefix(4)) : nil
        }
    }

    /// What tells one statement from the others, and its name.
    private static let signs: KeyValuePairs<String, String> = [
        "INSERT INTO sessions": "upsert sessions", "INSERT INTO messages": "insert messages",
        "WITH news AS": "update statuses", "'outbound'": "messages of a receipt",
        "ORDER BY last_activity": "active session",
        "LIMIT 0": "ping", "1 / (": "check erasures", "SELECT number, key": "read erasures",
    ]

    private static func name(of statement: String) -> String? {
        signs.first { statement.contains($0.key) }?.value
    }

    /// As many parameters as a statement has: later versions may have more of them, at the end.
    private static func statement(_ text: String, _ parameters: [PostgresValue]) -> PostgresStatement {
        let count = (1...parameters.count).filter { text.contains("$\($0)") }.count
        return PostgresStatement(text, Array(parameters.prefix(count)))
    }

    private static let copy = "COPY messages (\(MessageRows.columns)) FROM STDIN (FORMAT binary)"

    private static let receipt = LogReceipt(
        id: .numbered(9), at: Timestamp(microseconds: 1_763_683_300_000_000), platform: "telegram",
        conversation: "chat-1", status: .read, messages: ["a"])

    /// Everything that a store says to the database.
    private static func scenario(_ store: PostgresStore) async throws {
        try await store.ping()
        try await store.connection.execute(
            "INSERT INTO erasures (key, person, erased_at, expires_at) VALUES ($1, $2, to_timestamp(0), now())",
            [.bytea([1]), .bytea([2])])
        _ = try await store.write([.sample(1), .change(1, .failed)])
        _ = try await store.messages(named: receipt)
        _ = try await store.activeSession(
            for: SessionKey(platform: "telegram", conversation: "chat-1"), since: Timestamp(microseconds: 0))
    }

    @Test func `the file of the latest migration holds what the program says now`() async throws {
        try await StoreFixture.with(.postgres) { fixture in
            let store = try #require(fixture.store as? PostgresStore)
            try await Self.scenario(store)
            let rows = try await store.connection.query(
                "SELECT statement FROM pg_prepared_statements WHERE statement NOT LIKE '%pg_prepared_statements%'")
            var statements = ["copy messages": Self.copy]
            for text in try rows.map({ try $0.text("statement") ?? "" }) {
                // The test's own insert is nobody else's.
                if text.contains("INSERT INTO erasures") || text.contains("coalesce(max(number), 0) AS number") {
                    continue
                }
                let name = try #require(Self.name(of: text), "a statement without a name: \(text)")
                statements[name] = text
            }
            let latest = try Migrations.embedded().count
            if TestEnvironment.value("CHATBRIDGE_RECORD_STATEMENTS") != nil {
                let text = statements.sorted { $0.key < $1.key }.map { "-- name: \($0.key)\n\($0.value);\n" }
                let pen = try #require(fopen(Self.path(latest), "w"))
                fputs(text.joined(separator: "\n"), pen)
                fclose(pen)
            }
            #expect(Self.recorded(latest) == statements, "see Tests/Statements/README.md")
        }
    }

    @Test(arguments: [StoreKind.postgres, .partitioned])
    func `what each version says is understood by the tables of today`(kind: StoreKind) async throws {
        #expect(Self.versions.count > 1 && Self.versions.allSatisfy { $0 > 0 })
        for version in Self.versions {
            let statements = try #require(Self.recorded(version))
            try await StoreFixture.with(kind) { fixture in
                let connection = try #require(fixture.store as? PostgresStore).connection
                func text(_ name: String) throws -> String { try #require(statements[name], "\(version): \(name)") }
                func batch(_ jobs: [LogJob]) -> PostgresBatch { PostgresBatch(jobs[...]) }
                let first = batch([.sample(1, text: "one") { $0.metadata = Array(#"{"message_id":"a"}"#.utf8) }])
                let check: [PostgresStatement] =
                    try statements["check erasures"].map { _ in
                        [PostgresStatement(try text("check erasures"), [.int8(0)])]
                    } ?? []
                for _ in 0..<2 {
                    _ = try await connection.pipeline(
                        [
                            Self.statement(
                                try text("upsert sessions"), PostgresStore.upsert(first.sessions).parameters)
                        ] + check + [
                            Self.statement(
                                try text("insert messages"), PostgresStore.insert(first.messages).parameters)
                        ])
                }
                let second = batch([.sample(2, text: "two") { $0.direction = .outbound }])
                _ = try await connection.transaction(
                    [
                        Self.statement(
                            try text("upsert sessions"), PostgresStore.upsert(second.sessions).parameters)
                    ], copy: try text("copy messages"), second.messages.rows.copyData())
                let change = batch([.change(2, .delivered), .change(3, .failed)])
                let update = Self.statement(
                    try text("update statuses"), PostgresStore.update(change.changes).parameters)
                let found = try await connection.query(update.sql, update.parameters)
                #expect(found.count == 1)
                let texts = try await fixture.table("SELECT content_text, status FROM messages ORDER BY id")
                #expect(texts == [["one", "received"], ["two", "delivered"]])

                var names = PostgresArrayBuilder(.text, capacity: 1)
                names.append("a")
                let at = PostgresValue.timestamptz(microsecondsSinceUnixEpoch: Self.receipt.at.microseconds)
                let named = try await connection.query(
                    try text("messages of a receipt"),
                    [.text("telegram"), .text("chat-1"), .text("default"), .array(names.finish()), at, at])
                #expect(named.count == 1)
                let session = try await connection.query(
                    try text("active session"),
                    [
                        .text("telegram"), .text("chat-1"), .text("default"), .null,
                        .timestamptz(microsecondsSinceUnixEpoch: 0),
                    ])
                #expect(session.count == 1)
                _ = try await connection.query(try text("ping"))
            }
        }
    }
}
