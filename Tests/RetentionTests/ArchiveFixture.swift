import BridgeCore
import Journal
import Postgres
import Retention
import SQLite
import TestSupport
import Testing

/// The databases over which the same tests run; Postgres only with CHATBRIDGE_TEST_DATABASE_URL.
enum ArchiveKind: String, CaseIterable, CustomTestStringConvertible {
    case sqlite, postgres, partitioned

    static let available: [ArchiveKind] = TestEnvironment.databaseURL == nil ? [.sqlite] : allCases
    var testDescription: String { rawValue }
}

/// A database of its own for one test: a file, or a schema.
struct ArchiveFixture: Sendable {
    let archive: any Archive
    let store: any JournalStore
    let partitions: MessagePartitions?
    let folder: TemporaryFolder

    static func with(_ kind: ArchiveKind, _ body: @Sendable (ArchiveFixture) async throws -> Void) async throws {
        let folder = TemporaryFolder()
        if kind == .sqlite {
            let path = folder.path("chat.db")
            let store = SQLiteStore(configuration: SQLiteConfiguration(path: path))
            try await store.migrate()
            let archive = try await SQLiteArchive(path: path)
            try await body(ArchiveFixture(archive: archive, store: store, partitions: nil, folder: folder))
            await archive.close()
            await store.close()
            return
        }
        let url = try #require(TestEnvironment.databaseURL)
        let schema = "retention_\(UInt64.random(in: 0...UInt64.max))"
        let admin = PostgresConnection(configuration: try PostgresConfiguration(url))
        try await admin.simple("CREATE SCHEMA \(schema)")
        let configuration = try PostgresConfiguration(
            url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)")
        _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
        let partitions = MessagePartitions(on: configuration)
        if kind == .partitioned {
            _ = try await partitions.convert()
            _ = try await partitions.makeAhead(1)
        }
        let store = PostgresStore(configuration: configuration)
        let archive = PostgresArchive(configuration: configuration)
        let outcome: Result<Void, any Error>
        do {
            try await body(ArchiveFixture(archive: archive, store: store, partitions: partitions, folder: folder))
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await archive.close()
        await store.close()
        try await admin.simple("DROP SCHEMA \(schema) CASCADE")
        await admin.close()
        try outcome.get()
    }

    func texts() async throws -> [String?] {
        try await archive.rows("SELECT content_text FROM messages ORDER BY created_at, id", []).map { $0[0] }
    }

    func count(_ table: String) async throws -> Int {
        Int(try await archive.rows("SELECT CAST(count(*) AS text) AS n FROM \(table)", [])[0][0] ?? "") ?? -1
    }

    /// An eraser of this database and these places, which waits for nobody for long.
    func eraser(
        _ places: [any PersonalPlace] = [], objects: (any ObjectEraser)? = nil, isDryRun: Bool = false,
        patience: Duration = .zero
    ) -> Eraser {
        var options = Eraser.Options()
        options.isDryRun = isDryRun
        options.patience = patience
        return Eraser(
            archive: archive, places: places, objects: objects, options: options,
            pause: { try? await Task.sleep(for: .milliseconds(20)) })
    }
}

/// Makes conversations, each message a millisecond after the one before.
struct Talk {
    private var generator = UUIDGenerator()
    private var time: Timestamp
    private(set) var jobs: [LogJob] = []

    init(at start: Timestamp = Timestamp.now().advanced(by: .seconds(-3600))) {
        time = start
    }

    @discardableResult
    mutating func say(
        _ text: String?, in session: LogMessage.Session, by sender: String? = nil, metadata: String = "{}",
        attachments: String = "[]", change: (inout LogMessage) -> Void = { _ in }
    ) -> UUID {
        time = time.advanced(by: .milliseconds(1))
        let id = generator.next(at: time)
        var message = LogMessage(
            id: id, at: time, session: session, direction: sender == nil ? .outbound : .inbound, sender: sender,
            text: text, attachments: Array(attachments.utf8), status: sender == nil ? .sent : .received,
            metadata: Array(metadata.utf8))
        change(&message)
        jobs.append(.message(message))
        return id
    }

    mutating func session(_ conversation: String, user: String?, platform: String = "telegram") -> LogMessage.Session {
        LogMessage.Session(
            id: generator.next(at: time), platform: platform, conversation: conversation, user: user)
    }
}
