internal import BridgeCore
internal import Journal
public import Postgres

/// Writes what a source holds into Postgres, beside a bridge and a logger that already write there.
///
/// Sessions first, then messages, page by page; while one page is written the next is read. A page is one transaction, with
/// the checkpoint behind it, so an import that was killed goes on where it was. Rows that are there already stay as they are:
/// doing it all again adds nothing. No lock is held for longer than a page, and none on a table.
///
/// ```swift
/// let source = try await openImportSource(path: "old.db", mapping: nil)
/// let writer = ImportWriter(
///     source: source, fingerprint: ImportFingerprint(path: "old.db"), configuration: database,
///     rejectedPath: "old.db.rejected.jsonl")
/// let summary = try await writer.run { print("\($0.done) of \($0.total)") }
/// ```
public struct ImportWriter: Sendable {
    /// Where the rows come from.
    public let source: any ImportSource
    /// What a checkpoint is kept under.
    public let fingerprint: ImportFingerprint
    /// The database.
    public let configuration: PostgresConfiguration
    /// The file for rows that cannot be imported, made with the first of them.
    public let rejectedPath: String

    /// The most rows in one transaction; default 5,000.
    ///
    /// Fewer are taken where rows are long, so that a page stays below some 8 MB.
    public var pageSize = 5_000

    /// For how long the database is tried again while it cannot be reached; default: once at the start, and 10 s when the
    /// connection breaks later.
    public var patience = Duration.zero

    /// Starts over even if an earlier run was interrupted.
    public var startsOver = false

    /// Prepares an import; nothing is asked of anybody yet.
    public init(
        source: any ImportSource, fingerprint: ImportFingerprint, configuration: PostgresConfiguration,
        rejectedPath: String
    ) {
        self.source = source
        self.fingerprint = fingerprint
        self.rejectedPath = rejectedPath
        var configuration = configuration
        // A page may wait for a disk that others keep busy, and a cursor for a sort.
        configuration.statementTimeout = .seconds(600)
        self.configuration = configuration
    }

    /// Imports everything that is not there yet.
    ///
    /// - Parameter progress: told after each page, on the caller's executor.
    /// - Returns: what was done; rows that were rejected are in ``rejectedPath``.
    /// - Throws: ``ImportFailure`` or ``ImportSourceError``. What was written stays, and the next run goes on behind it.
    public func run(progress: (ImportProgress) -> Void = { _ in }) async throws -> ImportSummary {
        try await Self.checkMigrations(configuration, patience)
        var run = ImportRun(self)
        do {
            try await run.begin()
            try await run.writeSessions(progress)
            try await run.writeMessages(progress)
            try await run.finish()
        } catch {
            await run.close()
            guard case ImportSourceError.foreignPosition = error, !startsOver else { throw error }
            // The checkpoint is of a version that counted otherwise.
            var again = self
            again.startsOver = true
            return try await again.run(progress: progress)
        }
        await run.close()
        return run.checkpoint.summary
    }

    /// Reads everything and says what an import would do; writes nothing.
    ///
    /// - Parameter progress: told after each page, on the caller's executor.
    /// - Throws: ``ImportFailure`` or ``ImportSourceError``.
    public func preview(progress: (ImportProgress) -> Void = { _ in }) async throws -> ImportPreview {
        try await Self.checkMigrations(configuration, patience)
        let connection = PostgresConnection(configuration: configuration)
        do {
            let found = try await preview(connection, progress)
            await connection.close()
            return found
        } catch let error as PostgresError {
            await connection.close()
            throw ImportFailure.database(error)
        } catch {
            await connection.close()
            throw error
        }
    }

    private func preview(
        _ connection: PostgresConnection, _ progress: (ImportProgress) -> Void
    ) async throws -> ImportPreview {
        var preview = ImportPreview()
        if let checkpoint = try await ImportRun.checkpoint(of: fingerprint, on: connection),
            checkpoint.stage == .messages
        {
            preview.resumesAfter = checkpoint.summary.messages
        }
        let (source, reader) = (source, PageReader(pageSize: pageSize))
        let total = try await source.counts()
        var done = 0
        try await reader.forEach(from: nil, reading: { try await source.sessions(after: $0, limit: $1) }) { page in
            preview.note(page)
            preview.sessions += page.rows.count
            preview.sessionsThere += try await Self.count("sessions", page.rows.map(\.id), connection)
            done += page.rowsRead
            progress(ImportProgress(stage: .sessions, done: done, total: total.sessions))
        }
        done = 0
        try await reader.forEach(from: nil, reading: { try await source.messages(after: $0, limit: $1) }) { page in
            preview.note(page)
            preview.messages += page.rows.count
            preview.messagesThere += try await Self.count("messages", page.rows.map(\.id), connection)
            done += page.rowsRead
            progress(ImportProgress(stage: .messages, done: done, total: total.messages))
        }
        return preview
    }

    /// How many of these rows are in the database.
    static func count(_ table: String, _ ids: [UUID], _ connection: PostgresConnection) async throws -> Int {
        let rows = try await connection.query(
            "SELECT count(*) AS n FROM \(table) WHERE id = ANY ($1::uuid[])", [.uuids(ids)])
        return try rows.first?.int("n") ?? 0
    }

    /// An import fills tables and never makes them.
    static func checkMigrations(
        _ configuration: PostgresConfiguration, _ patience: Duration = .zero
    ) async throws(ImportFailure) {
        let statuses: [MigrationStatus]
        do throws(MigrationError) {
            let runner = MigrationRunner(try Migrations.embedded(), on: configuration, retryingFor: patience)
            statuses = try await runner.status()
        } catch {
            if case .database(let error) = error { throw .database(error) }
            throw .notMigrated([error.description])
        }
        let pending = statuses.filter { $0.state == .pending }
        guard pending.isEmpty else { throw .notMigrated(pending.map { "migration \($0.version) (\($0.name))" }) }
    }
}
