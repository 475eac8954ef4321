public import BridgeCore
public import Postgres
internal import Synchronization

/// Sessions and messages in Postgres, over one connection.
///
/// A batch is one transaction, up to some hundred messages in one round trip, beyond that with the messages by COPY. Use one
/// store per logger; several loggers may write to the same database.
public final class PostgresStore: JournalStore {
    let connection: PostgresConnection
    private let isClosed = Atomic(false)

    /// Connects when it is first used.
    public init(configuration: PostgresConfiguration) {
        connection = PostgresConnection(configuration: configuration)
    }

    /// Writes jobs in one transaction; see ``JournalStore/write(_:)``.
    public func write(_ jobs: [LogJob]) async throws(JournalStoreError) -> JournalWriteOutcome {
        try await writeBisecting(jobs, canWrite: canWrite) { part throws(WriteFailure) in
            try await write(JournalRows(part))
        }
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
    }

    /// - Returns: The places of the changes of status whose message is not there.
    private func write(_ rows: JournalRows) async throws(WriteFailure) -> [Int] {
        do throws(PostgresError) {
            guard let updated = try await updated(rows) else { return [] }
            var found: Set<PostgresUUID> = []
            for index in 0..<updated.count {
                if let id = try updated[index].uuid("id") { found.insert(id) }
            }
            return rows.changes.filter { !found.contains($0.id.postgres) }.flatMap(\.indices).sorted()
        } catch {
            if isClosed.load(ordering: .acquiring) { throw .store(storeError(error)) }
            throw Self.failure(error)
        }
    }

    private func updated(_ rows: JournalRows) async throws(PostgresError) -> PostgresRows? {
        if rows.messages.count > Self.copyThreshold {
            do throws(PostgresError) {
                return try await copied(rows)
            } catch {
                // Some of it was written before, as after a crash between commit and acknowledgement.
                guard error.code == .uniqueViolation else { throw error }
            }
        }
        return try await pipelined(rows)
    }

    /// One transaction in one round trip.
    private func pipelined(_ rows: JournalRows) async throws(PostgresError) -> PostgresRows? {
        let statements = Self.statements(for: rows)
        guard !statements.isEmpty else { return nil }
        let results = try await connection.pipeline(statements)
        return rows.changes.isEmpty ? nil : results.last
    }

    private func canWrite() async -> Bool {
        let rows = JournalRows.probe()
        let probe = [Self.upsert(rows.sessions), Self.insert(rows.messages)]
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
    var postgres: PostgresUUID { PostgresUUID(high: high, low: low) }
}
