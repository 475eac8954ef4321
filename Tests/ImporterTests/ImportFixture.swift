import BridgeCore
import Glibc
import Journal
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Importer

/// A source in memory, which can be told to break.
final class ListedSource: ImportSource {
    let name = "list"
    let listedSessions: [ImportedSession]
    let listedMessages: [LogMessage]
    let rejected: [RejectedRow]
    /// After so many pages of messages reading fails, as when the program is ended.
    let breaksAfter: Int?
    private let positions = Mutex<[String?]>([])
    private let pages = Atomic<Int>(0)

    struct Broken: Error {}

    init(
        _ sessions: [ImportedSession], _ messages: [LogMessage], rejected: [RejectedRow] = [], breaksAfter: Int? = nil
    ) {
        listedSessions = sessions
        listedMessages = messages
        self.rejected = rejected
        self.breaksAfter = breaksAfter
    }

    /// Where messages were asked for.
    var asked: [String?] { positions.withLock { $0 } }

    func counts() async throws -> ImportCounts {
        ImportCounts(sessions: listedSessions.count, messages: listedMessages.count + rejected.count)
    }

    func sessions(after position: ImportPosition?, limit: Int) async throws -> ImportPage<ImportedSession> {
        try page(listedSessions, after: position, limit)
    }

    func messages(after position: ImportPosition?, limit: Int) async throws -> ImportPage<LogMessage> {
        positions.withLock { $0.append(position?.description) }
        if let breaksAfter, pages.add(1, ordering: .relaxed).newValue > breaksAfter { throw Broken() }
        var page = try page(listedMessages, after: position, limit)
        // With the first page come all that cannot be mapped.
        if position == nil { page.rejected = rejected }
        page.changes = [.idDerived: page.rows.count]
        return page
    }

    func transcript(of session: UUID) async throws -> [LogMessage] {
        listedMessages.filter { $0.session.id == session }
    }

    func close() async {}

    private func page<Row: Sendable>(_ rows: [Row], after position: ImportPosition?, _ limit: Int) throws
        -> ImportPage<Row>
    {
        guard position == nil || position?.description.hasPrefix("row ") == true else {
            throw ImportSourceError.foreignPosition(position?.description ?? "")
        }
        let start = position.flatMap { Int($0.description.dropFirst(4)) } ?? 0
        let end = min(rows.count, start + limit)
        return ImportPage(rows: Array(rows[start..<end]), next: end < rows.count ? ImportPosition("row \(end)") : nil)
    }

    /// A number of sessions, each with a transcript of its own.
    static func sample(sessions: Int, messagesEach: Int) -> ListedSource {
        let parts = rows(sessions: sessions, messagesEach: messagesEach)
        return ListedSource(parts.0, parts.1)
    }

    static func rows(sessions: Int, messagesEach: Int) -> ([ImportedSession], [LogMessage]) {
        var (rows, messages): ([ImportedSession], [LogMessage]) = ([], [])
        let begin: Int64 = 1_700_000_000_000_000
        for number in 0..<UInt64(sessions) {
            let id = UUID(
                version8Of: [UInt8](repeating: UInt8(truncatingIfNeeded: number &* 37), count: 8) + number.digits)
            let start = begin + Int64(number) * 1_000_000
            rows.append(
                ImportedSession(
                    id: id, platform: "telegram", conversation: "chat-\(number)", user: "user-\(number)",
                    createdAt: Timestamp(microseconds: start),
                    lastActivity: Timestamp(microseconds: start + Int64(max(0, messagesEach - 1))),
                    metadata: Array(#"{"thread":"t"}"#.utf8)))
            for place in 0..<messagesEach {
                let digest = (number &* 1_000_003 &+ UInt64(place)).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
                messages.append(
                    LogMessage(
                        id: UUID(version8Of: digest.low.digits + (number << 32 | UInt64(place)).digits),
                        at: Timestamp(microseconds: start + Int64(place)),
                        session: .init(
                            id: id, platform: "telegram", conversation: "chat-\(number)", thread: "t",
                            user: "user-\(number)"),
                        direction: place % 2 == 0 ? .inbound : .outbound, sender: place % 2 == 0 ? "u" : nil,
                        text: "message \(place) of \(number)", request: place % 2 == 0 ? nil : "run",
                        status: place % 2 == 0 ? .received : .sent,
                        metadata: Array(#"{"b": 1.0, "a": [1e2, "é"]}"#.utf8)))
            }
        }
        return (rows, messages)
    }
}

extension UInt64 {
    fileprivate var digits: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (8 * UInt64($0))) } }
}

/// A migrated schema of one test, and a folder for its files.
struct ImportFixture: Sendable {
    let configuration: PostgresConfiguration
    let url: String
    let database: PostgresConnection
    let folder: TemporaryFolder

    static let isAvailable = TestEnvironment.databaseURL != nil

    var rejectedPath: String { folder.path("old.db.rejected.jsonl") }

    /// What the file of rejected rows holds.
    var rejectedLines: [String] {
        let bytes = TestEnvironment.read(rejectedPath) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func writer(_ source: any ImportSource, pageSize: Int = 100) -> ImportWriter {
        var writer = ImportWriter(
            source: source, fingerprint: ImportFingerprint(of: "test"), configuration: configuration,
            rejectedPath: rejectedPath)
        writer.pageSize = pageSize
        return writer
    }

    func validate(_ source: any ImportSource) async throws -> ImportValidation {
        var validator = ImportValidator(source: source, configuration: configuration)
        validator.pageSize = 70
        return try await validator.run()
    }

    func count(_ what: String) async throws -> Int {
        try #require(try await database.query("SELECT count(*) AS n FROM \(what)").first?.int("n"))
    }

    static func with(migrated: Bool = true, _ body: (ImportFixture) async throws -> Void) async throws {
        let url = try #require(TestEnvironment.databaseURL)
        let schema = "test_\(UInt64.random(in: .min ... .max))"
        let admin = PostgresConnection(configuration: try PostgresConfiguration(url))
        try await admin.simple("CREATE SCHEMA \(schema)")
        let address = url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)"
        let configuration = try PostgresConfiguration(address)
        let database = PostgresConnection(configuration: configuration)
        do {
            if migrated { _ = try await MigrationRunner(Migrations.embedded(), on: configuration).up() }
            try await body(
                ImportFixture(
                    configuration: configuration, url: address, database: database, folder: TemporaryFolder()))
        } catch {
            await database.close()
            try await admin.simple("DROP SCHEMA \(schema) CASCADE")
            await admin.close()
            throw error
        }
        await database.close()
        try await admin.simple("DROP SCHEMA \(schema) CASCADE")
        await admin.close()
    }
}
