import BridgeCore
import Glibc
import Postgres
import SQLite
import Testing

@testable import Journal

/// The stores over which the same tests run; Postgres only with CHATBRIDGE_TEST_DATABASE_URL.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case sqlite, postgres
    /// Postgres with `messages` cut into partitions.
    case partitioned

    static let databaseURL: String? = getenv("CHATBRIDGE_TEST_DATABASE_URL").map { String(cString: $0) }
    static let available: [StoreKind] = databaseURL == nil ? [.sqlite] : allCases

    var testDescription: String { rawValue }
}

/// A database of its own for one test: a file in a folder, or a schema.
struct StoreFixture {
    let kind: StoreKind
    let makeStore: @Sendable () -> any JournalStore
    /// A reader with a connection of its own.
    let makeReader: @Sendable () -> any JournalReader
    let store: any JournalStore
    /// The text of each column of each row; the SQL must mean the same in both dialects.
    let table: @Sendable (String) async throws -> [[String?]]

    /// SQL for a time in the one form that both can be brought to.
    func time(_ column: String) -> String {
        switch kind {
        case .sqlite: column
        case .postgres, .partitioned: #"to_char(\#(column) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#
        }
    }

    func count(_ name: String) async throws -> Int {
        let rows = try await table("SELECT CAST(count(*) AS text) AS n FROM \(name)")
        let text = try #require(rows.first?.first ?? nil)
        return try #require(Int(text))
    }

    static func with(
        _ kind: StoreKind, _ body: @Sendable (StoreFixture) async throws -> Void
    ) async throws {
        switch kind {
        case .sqlite: try await withFile(body)
        case .postgres, .partitioned:
            try await withSchema { configuration in
                _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
                if kind == .partitioned {
                    let partitions = MessagePartitions(on: configuration)
                    _ = try await partitions.convert()
                    _ = try await partitions.makeAhead(2)
                }
                let reader = PostgresConnection(configuration: configuration)
                let make: @Sendable () -> any JournalStore = { PostgresStore(configuration: configuration) }
                let fixture = StoreFixture(
                    kind: kind, makeStore: make, makeReader: { PostgresReader(configuration: configuration) },
                    store: make()
                ) { sql in
                    let rows = try await reader.query(sql)
                    return try rows.map { row in try rows.columnNames.map { try row.text($0) } }
                }
                try await body(fixture)
                await fixture.store.close()
                await reader.close()
            }
        }
    }

    private static func withFile(_ body: @Sendable (StoreFixture) async throws -> Void) async throws {
        var template = Array("/tmp/chatbridge-store-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        defer {
            for name in ["chat.db", "chat.db-wal", "chat.db-shm"] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        let configuration = SQLiteConfiguration(path: "\(folder)/chat.db")
        let reader = SQLiteDatabase(configuration: configuration)
        let make: @Sendable () -> any JournalStore = { SQLiteStore(configuration: configuration) }
        let fixture = StoreFixture(
            kind: .sqlite, makeStore: make, makeReader: { SQLiteReader(path: configuration.path) }, store: make()
        ) { sql in
            let rows = try await reader.query(sql)
            return try rows.map { row in try rows.columns.map { try row.text($0) } }
        }
        try await body(fixture)
        await fixture.store.close()
        await reader.close()
    }

    /// Each test has up to thirteen connections.
    private static let gate = TestGate(3)

    /// An empty schema, dropped afterwards.
    static func withSchema(_ body: @Sendable (PostgresConfiguration) async throws -> Void) async throws {
        try await gate.pass { try await inSchema(body) }
    }

    private static func inSchema(_ body: @Sendable (PostgresConfiguration) async throws -> Void) async throws {
        let url = try #require(StoreKind.databaseURL)
        let schema = "test_\(UInt64.random(in: .min ... .max))"
        let admin = PostgresConnection(configuration: try PostgresConfiguration(url))
        try await admin.simple("CREATE SCHEMA \(schema)")
        let address = url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)"
        do {
            try await body(try PostgresConfiguration(address))
        } catch {
            try await admin.simple("DROP SCHEMA \(schema) CASCADE")
            throw error
        }
        try await admin.simple("DROP SCHEMA \(schema) CASCADE")
    }
}

extension UUID {
    /// An identifier for tests that sorts by its number.
    static func numbered(_ number: UInt64, family: UInt64 = 0) -> UUID {
        UUID(high: 0x0199_0000_0000_7000 | family << 16, low: 0x8000_0000_0000_0000 | number)
    }
}

extension LogJob {
    /// A message with what the test cares for.
    static func sample(
        _ number: UInt64, session: UInt64 = 1, at microseconds: Int64 = 1_763_683_200_000_000,
        text: String? = "hi", change: (inout LogMessage) -> Void = { _ in }
    ) -> LogJob {
        var message = LogMessage(
            id: .numbered(number), at: Timestamp(microseconds: microseconds),
            session: .init(
                id: .numbered(session, family: 1), platform: "telegram", conversation: "chat-\(session)", user: "42"),
            direction: .inbound, sender: "42", text: text, status: .received)
        change(&message)
        return .message(message)
    }

    /// News of where attachments are stored.
    static func stored(_ number: UInt64, _ news: String) -> LogJob {
        .status(
            LogStatusChange(
                id: .numbered(number), at: Timestamp(microseconds: 0), status: .received, stored: Array(news.utf8)))
    }

    static func change(_ number: UInt64, _ status: MessageStatus, _ metadata: String = "{}") -> LogJob {
        .status(
            LogStatusChange(
                id: .numbered(number), at: Timestamp(microseconds: 0), status: status,
                metadata: Array(metadata.utf8)))
    }
}

/// Lets only so many database tests run at a time: a server takes 100 connections by default and all tests share one.
actor TestGate {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ limit: Int) {
        free = limit
    }

    func pass<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
        defer {
            if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
        }
        return try await body()
    }
}
