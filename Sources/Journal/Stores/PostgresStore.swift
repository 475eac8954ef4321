public import BridgeCore
public import Postgres
internal import Synchronization

/// Sessions and messages in Postgres, over two connections.
///
/// A batch is one transaction, up to a hundred messages in one round trip, beyond that with the messages by COPY. The second
/// connection is made when a second batch is to be written while the first commits, as with a backlog. Use one store per
/// logger; several loggers may write to the same database.
public final class PostgresStore: JournalStore {
    /// The connection of everything that is not a batch, and of one batch at a time.
    let connection: PostgresConnection
    private let second: PostgresConnection
    /// Whether the first connection writes a batch.
    private let isBusy = Atomic(false)
    private let repeats = Atomic(false)
    private let isClosed = Atomic(false)
    private let erasures = ErasureFilter()

    /// Connects when it is first used.
    public init(configuration: PostgresConfiguration) {
        connection = PostgresConnection(configuration: configuration)
        second = PostgresConnection(configuration: configuration)
    }

    /// Whether a batch has met messages that are there already, as in a replay: then COPY would only fail.
    var expectsRepeats: Bool {
        get { repeats.load(ordering: .relaxed) }
        set { repeats.store(newValue, ordering: .relaxed) }
    }

    /// Plain messages as rows.
    public var takesRows: Bool { true }

    /// Two: while one backend waits for its disk, the other works.
    public var writers: Int { 2 }

    /// Writes a claim's jobs in one transaction; one by one only where one of them is refused.
    public func write(_ batch: JournalBatch) async throws(JournalStoreError) -> JournalWriteOutcome {
        while true {
            let selection = erasures.select(batch)
            do throws(WriteFailure) {
                let deferred = try await write(PostgresBatch(selection.batch), knowing: selection.number)
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
                        try await write(PostgresBatch(part), knowing: selection.number)
                    }
                    return JournalWriteOutcome(outcome, of: selection)
                }
            }
        }
    }

    /// Writes jobs in one transaction; see ``JournalStore/write(_:)``.
    public func write(_ jobs: [LogJob]) async throws(JournalStoreError) -> JournalWriteOutcome {
        try await write(JournalBatch(jobs))
    }

    /// The session of a conversation that was active at `since` or later, the latest of several.
    public func activeSession(for key: SessionKey, since: Timestamp) async throws(JournalStoreError) -> UUID? {
        do throws(PostgresError) {
            let rows = try await connection.query(
                """
                SELECT id FROM sessions
                WHERE platform = $1 AND platform_conversation_id = $2 AND account = $3
                  AND metadata ->> 'thread' IS NOT DISTINCT FROM $4
                  AND status = 'active' AND last_activity >= $5
                ORDER BY last_activity DESC, id DESC LIMIT 1
                """,
                [
                    .text(StorableText.storable(key.platform)), .text(StorableText.storable(key.conversation)),
                    .text(StorableText.storable(key.account)),
                    key.thread.map { .text(StorableText.storable($0)) } ?? .null,
                    .timestamptz(microsecondsSinceUnixEpoch: since.microseconds),
                ])
            return try rows.first?.uuid("id").map { UUID(high: $0.high, low: $0.low) }
        } catch {
            throw storeError(error)
        }
    }

    /// Asks for a sign of life and for the tables.
    public func ping() async throws(JournalStoreError) {
        do throws(PostgresError) {
            _ = try await connection.query("SELECT FROM sessions, messages LIMIT 0")
        } catch {
            throw storeError(error)
        }
    }

    /// Ends the connection.
    public func close() async {
        isClosed.store(true, ordering: .releasing)
        await connection.close()
        await second.close()
    }

    /// - Returns: The places of the changes of status whose message is not there.
    private func write(_ batch: PostgresBatch, knowing number: Int64) async throws(WriteFailure) -> [Int] {
        let isSecond = isBusy.exchange(true, ordering: .acquiring)
        defer { if !isSecond { isBusy.store(false, ordering: .releasing) } }
        do throws(PostgresError) {
            return try await write(batch, knowing: number, on: isSecond ? second : connection)
        } catch {
            if error.sqlState == Self.newErasure, await isOutdated(number) { throw .erasure }
            if isClosed.load(ordering: .acquiring) { throw .store(storeError(error)) }
            throw Self.failure(error)
        }
    }

    /// Whether it was our own check that failed, and not a division in somebody's trigger.
    private func isOutdated(_ number: Int64) async -> Bool {
        let rows = try? await connection.query("SELECT coalesce(max(number), 0) AS number FROM erasures")
        return (try? rows?.first?.int("number")) != Int(number)
    }

    /// Reads who was forgotten, and returns the number of the latest.
    @discardableResult
    private func learnErasures() async throws(JournalStoreError) -> Int64 {
        do throws(PostgresError) {
            return erasures.learn(try await connection.erasures())
        } catch {
            throw storeError(error)
        }
    }

    private func canWrite() async -> Bool {
        let batch = PostgresBatch.probe
        let probe = [Self.upsert(batch.sessions), Self.insert(batch.messages)]
        do throws(PostgresError) {
            try await connection.transaction { transaction throws(PostgresError) in
                _ = try transaction.pipeline(probe)
                // Ends in an empty transaction, so that nothing of the probe is ever seen.
                try transaction.simple("ROLLBACK; BEGIN")
            }
            return true
        } catch {
            return false
        }
    }

    /// Who is at fault: only what is the row's own data costs a row.
    static func failure(_ error: PostgresError) -> WriteFailure {
        switch error.code {
        case .invalidData, .uniqueViolation, .foreignKeyViolation, .checkViolation, .notNullViolation,
            .integrityViolation:
            .data(reason: error.description)
        case .unknown: .unexplained(reason: error.description)
        default: .store(unavailable(error))
        }
    }

    func storeError(_ error: PostgresError) -> JournalStoreError {
        isClosed.load(ordering: .acquiring)
            ? JournalStoreError(code: .closed, message: "the store is closed") : Self.unavailable(error)
    }

    private static func unavailable(_ error: PostgresError) -> JournalStoreError {
        switch error.code {
        // Also a key that an ON CONFLICT names, or a type: the tables are not those of this program.
        case .undefinedTable, .undefinedColumn, .undefinedSchema, .syntaxError:
            JournalStoreError(code: .unavailable, message: "\(error); run 'chatbridge migrate up'")
        default: JournalStoreError(code: .unavailable, message: error.description)
        }
    }
}

extension UUID {
    /// The same as Postgres' client takes it.
    package var postgres: PostgresUUID { PostgresUUID(high: high, low: low) }
}
