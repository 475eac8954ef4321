public import BridgeCore
public import SQLite
internal import Synchronization

/// Sessions and messages in an embedded SQLite file, for `chatbridge run`.
///
/// The tables mirror those of Postgres, with uuid and jsonb as TEXT and times as ISO-8601 UTC text with six digits of the
/// second, which sorts by time. They are made, or brought up to date, when the file is first used.
public final class SQLiteStore: JournalStore {
    let database: SQLiteDatabase
    private let isMigrated = Atomic(false)
    private let erasures = ErasureFilter()

    /// Opens the file when it is first used.
    public init(configuration: SQLiteConfiguration) {
        var configuration = configuration
        configuration.canShrink = true
        database = SQLiteDatabase(configuration: configuration)
    }

    /// Makes the tables, or brings them up to date; nothing happens when they are.
    ///
    /// - Returns: The version of the schema now.
    /// - Throws: `JournalStoreError` when the file cannot be used, or was written by a newer version of the program.
    @discardableResult
    public func migrate() async throws(JournalStoreError) -> Int {
        let version: Int
        do throws(SQLiteError) {
            version = try await database.transaction { transaction throws(SQLiteError) in
                let current = try transaction.query("PRAGMA user_version").first?.int("user_version") ?? 0
                guard current < Self.schema.count else { return current }
                for script in Self.schema[current...] { try transaction.script(script) }
                try transaction.script("PRAGMA user_version = \(Self.schema.count)")
                return Self.schema.count
            }
        } catch {
            throw Self.storeError(error)
        }
        guard version <= Self.schema.count else {
            throw JournalStoreError(
                code: .unavailable,
                message:
                    "the file has schema version \(version), this chatbridge knows \(Self.schema.count); use a newer one"
            )
        }
        isMigrated.store(true, ordering: .releasing)
        return version
    }

    /// Writes jobs in one transaction; see ``JournalStore/write(_:)``.
    public func write(_ jobs: [LogJob]) async throws(JournalStoreError) -> JournalWriteOutcome {
        try await prepare()
        while true {
            let selection = erasures.select(JournalBatch(jobs))
            do throws(WriteFailure) {
                let deferred = try await write(selection.batch.jobs[...], knowing: selection.number)
                return JournalWriteOutcome(JournalWriteOutcome(deferred: deferred), of: selection)
            } catch {
                switch error {
                case .store(let error): throw error
                case .erasure: try await learnErasures()
                case .data, .unexplained:
                    // It may have failed before the erasures were looked at.
                    if try await learnErasures() != selection.number { continue }
                    let outcome = try await writeBisecting(selection.batch.jobs, canWrite: canWrite) {
                        part throws(WriteFailure) in
                        try await write(part, knowing: selection.number)
                    }
                    return JournalWriteOutcome(outcome, of: selection)
                }
            }
        }
    }

    /// - Parameter number: of the latest erasure that is known; nothing is written where there is a later one.
    private func write(_ jobs: ArraySlice<LogJob>, knowing number: Int64) async throws(WriteFailure) -> [Int] {
        let rows = JournalRows(jobs)
        let deferred: [Int]?
        do throws(SQLiteError) {
            deferred = try await database.transaction { transaction throws(SQLiteError) in
                let latest = try transaction.query("SELECT coalesce(max(number), 0) AS n FROM erasures")
                guard try latest.first?.int("n") == Int(number) else { return nil }
                try Self.upsert(rows.sessions, transaction)
                try Self.insert(rows.messages, transaction)
                return try Self.update(rows.changes, transaction)
            }
        } catch {
            throw Self.failure(error)
        }
        guard let deferred else { throw .erasure }
        return deferred
    }

    /// Reads who was forgotten, and returns the number of the latest.
    @discardableResult
    private func learnErasures() async throws(JournalStoreError) -> Int64 {
        do throws(SQLiteError) {
            return erasures.learn(try await database.erasures())
        } catch {
            throw Self.storeError(error)
        }
    }

    /// The session of a conversation that was active at `since` or later, the latest of several.
    public func activeSession(for key: SessionKey, since: Timestamp) async throws(JournalStoreError) -> UUID? {
        try await prepare()
        do throws(SQLiteError) {
            let rows = try await database.query(
                """
                SELECT id FROM sessions
                WHERE platform = ? AND platform_conversation_id = ? AND account = ?
                  AND json_extract(metadata, '$.thread') IS ?
                  AND status = 'active' AND last_activity >= ?
                ORDER BY last_activity DESC, id DESC LIMIT 1
                """,
                [
                    .text(StorableText.storable(key.platform)), .text(StorableText.storable(key.conversation)),
                    .text(StorableText.storable(key.account)),
                    .optionalText(key.thread.map(StorableText.storable)), .text(since.description),
                ])
            return try rows.first?.text("id").flatMap { UUID($0) }
        } catch {
            throw Self.storeError(error)
        }
    }

    /// Asks for a sign of life and for the tables.
    public func ping() async throws(JournalStoreError) {
        try await prepare()
        do throws(SQLiteError) {
            _ = try await database.query("SELECT 1 FROM sessions, messages LIMIT 0")
        } catch {
            throw Self.storeError(error)
        }
    }

    /// Closes the file.
    public func close() async {
        await database.close()
    }

    private func canWrite() async -> Bool {
        let probe = JournalRows([LogJob.probe()])
        do throws(SQLiteError) {
            try await database.transaction { transaction throws(SQLiteError) in
                try transaction.script("SAVEPOINT probe")
                try Self.upsert(probe.sessions, transaction)
                try Self.insert(probe.messages, transaction)
                try transaction.script("ROLLBACK TO probe")
            }
            return true
        } catch {
            return false
        }
    }

    func prepare() async throws(JournalStoreError) {
        if !isMigrated.load(ordering: .acquiring) { try await migrate() }
    }

    private static func failure(_ error: SQLiteError) -> WriteFailure {
        switch error.code {
        case .uniqueViolation, .foreignKeyViolation, .checkViolation, .notNullViolation, .constraintViolation, .tooBig:
            .data(reason: error.description)
        // What JSON functions say of text that is no JSON has no code of its own.
        case .sql, .unknown: .unexplained(reason: error.description)
        default: .store(storeError(error))
        }
    }

    static func storeError(_ error: SQLiteError) -> JournalStoreError {
        JournalStoreError(code: error.code == .closed ? .closed : .unavailable, message: error.description)
    }
}
