public import BridgeCore
internal import Postgres

extension PostgresStore {
    /// The messages that we sent to the receipt's conversation under these names, or up to its time, in the week before it.
    public func messages(named receipt: LogReceipt) async throws(JournalStoreError) -> [UUID] {
        var names = PostgresArrayBuilder(.text, capacity: receipt.messages.count)
        for name in receipt.messages { names.append(StorableText.storable(name)) }
        do throws(PostgresError) {
            let rows = try await connection.query(
                """
                SELECT m.id
                FROM sessions AS s JOIN messages AS m ON m.session_id = s.id
                WHERE s.platform = $1 AND s.platform_conversation_id = $2 AND s.account = $3
                  AND s.last_activity > $6::timestamptz - interval '7 days'
                  AND m.created_at BETWEEN $6::timestamptz - interval '7 days' AND $6 AND m.direction = 'outbound'
                  AND (m.metadata ->> 'message_id' = ANY ($4::text[]) OR m.metadata -> 'message_ids' ?| $4::text[]
                       OR m.status IN ('sent', 'delivered') AND m.created_at <= $5::timestamptz)
                """,
                [
                    .text(StorableText.storable(receipt.platform)), .text(StorableText.storable(receipt.conversation)),
                    .text(StorableText.storable(receipt.account)), .array(names.finish()),
                    receipt.upTo.map { .timestamptz(microsecondsSinceUnixEpoch: $0.microseconds) } ?? .null,
                    .timestamptz(microsecondsSinceUnixEpoch: receipt.at.microseconds),
                ])
            var ids: [UUID] = []
            for index in 0..<rows.count {
                if let id = try rows[index].uuid("id") { ids.append(UUID(high: id.high, low: id.low)) }
            }
            return ids
        } catch {
            // A receipt that cannot even be asked for tells of nothing that is here; it must not hold up the others.
            if case .data = Self.failure(error) { return [] }
            throw storeError(error)
        }
    }
}
