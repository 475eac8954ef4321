internal import BridgeCore
package import Postgres

extension PostgresStore {
    /// The SQLSTATE of a division by zero: only ``check(_:)`` divides.
    package static let newErasure = "22012"

    /// Fails, and with it the transaction, where somebody was forgotten of whom the writer does not know.
    ///
    /// It stands behind the upsert of the sessions, whose lock it is that `chatbridge forget` waits for: either the transaction
    /// sees the new entry here, or whoever made that sees the transaction's rows.
    package static func check(_ number: Int64) -> PostgresStatement {
        PostgresStatement(
            "SELECT 1 / (SELECT CASE WHEN coalesce(max(number), 0) = $1 THEN 1 ELSE 0 END FROM erasures) AS known",
            [.int8(number)])
    }
}

extension PostgresConnection {
    /// The people in the table of those who were forgotten.
    package func erasures() async throws(PostgresError) -> Erasures {
        let rows = try await query("SELECT number, key, person, erased_at FROM erasures ORDER BY number")
        var entries: [Erasures.Entry] = []
        var number: Int64 = 0
        for index in 0..<rows.count {
            let row = rows[index]
            number = Int64(try row.int("number") ?? 0)
            entries.append(
                Erasures.Entry(
                    key: try row.bytes("key") ?? [], person: try row.bytes("person") ?? [],
                    at: Timestamp(microseconds: try row.microsecondsSinceUnixEpoch("erased_at") ?? 0)))
        }
        return Erasures(number: number, entries)
    }
}
