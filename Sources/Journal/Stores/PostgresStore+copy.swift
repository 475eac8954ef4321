internal import Postgres

extension PostgresStore {
    /// More messages than this go by COPY, which does less for each row but takes more round trips.
    static let copyThreshold = 100

    /// Writes a batch in one transaction, by COPY where that is quicker and its rows are new.
    ///
    /// - Parameter number: of the latest erasure that is known; see ``check(_:)``.
    /// - Returns: The places of the changes of status whose message is not there.
    func write(
        _ batch: PostgresBatch, knowing number: Int64, on connection: PostgresConnection
    ) async throws(PostgresError) -> [Int] {
        if batch.messages.count > Self.copyThreshold, !expectsRepeats {
            do throws(PostgresError) {
                return try await copied(batch, knowing: number, on: connection)
            } catch {
                // Some of it was written before, as after a crash between commit and acknowledgement, or by hand.
                guard error.code == .uniqueViolation else { throw error }
                expectsRepeats = true
            }
        }
        return try await pipelined(batch, knowing: number, on: connection)
    }

    /// One transaction with the messages by binary COPY.
    ///
    /// - Throws: `uniqueViolation` when one of the messages is there already, which COPY cannot pass over.
    private func copied(
        _ batch: PostgresBatch, knowing number: Int64, on connection: PostgresConnection
    ) async throws(PostgresError) -> [Int] {
        let results = try await connection.transaction(
            [Self.upsert(batch.sessions), Self.check(number)],
            copy: "COPY messages (\(MessageRows.columns)) FROM STDIN (FORMAT binary)", batch.messages.rows.copyData(),
            batch.changes.isEmpty ? [] : [Self.update(batch.changes)])
        guard let found = results.last else { return [] }
        return try batch.deferred(found)
    }

    /// One transaction in one round trip.
    private func pipelined(
        _ batch: PostgresBatch, knowing number: Int64, on connection: PostgresConnection
    ) async throws(PostgresError) -> [Int] {
        let statements = Self.statements(for: batch, knowing: number)
        guard !statements.isEmpty else { return [] }
        let results = try await connection.pipeline(statements)
        // A batch without a repeat: the backlog of repeats is through.
        if !batch.messages.isEmpty, results[batch.sessions.isEmpty ? 0 : 2].affected == batch.messages.count {
            expectsRepeats = false
        }
        guard !batch.changes.isEmpty, let found = results.last else { return [] }
        return try batch.deferred(found)
    }
}
