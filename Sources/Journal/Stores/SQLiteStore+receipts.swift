public import BridgeCore
internal import SQLite

extension SQLiteStore {
    /// The messages that we sent to the receipt's conversation under these names, or up to its time, in the week before it.
    public func messages(named receipt: LogReceipt) async throws(JournalStoreError) -> [UUID] {
        try await prepare()
        let week = Duration.seconds(7 * 86_400)
        do throws(SQLiteError) {
            let rows = try await database.query(
                """
                SELECT m.id
                FROM sessions AS s JOIN messages AS m ON m.session_id = s.id
                WHERE s.platform = ? AND s.platform_conversation_id = ? AND s.account = ? AND m.direction = 'outbound'
                  AND m.created_at BETWEEN ? AND ?
                  AND (json_extract(m.metadata, '$.message_id') IN (SELECT value FROM json_each(?))
                       OR EXISTS (SELECT 1 FROM json_each(m.metadata, '$.message_ids') AS n
                                  WHERE n.value IN (SELECT value FROM json_each(?)))
                       OR m.status IN ('sent', 'delivered') AND m.created_at <= ?)
                """,
                [
                    .text(StorableText.storable(receipt.platform)), .text(StorableText.storable(receipt.conversation)),
                    .text(StorableText.storable(receipt.account)),
                    .text(receipt.at.advanced(by: .zero - week).description), .text(receipt.at.description),
                    .utf8(receipt.namesJSON), .utf8(receipt.namesJSON),
                    .optionalText(receipt.upTo?.description),
                ])
            var ids: [UUID] = []
            for index in 0..<rows.count {
                if let id = try rows[index].text("id").flatMap({ UUID($0) }) { ids.append(id) }
            }
            return ids
        } catch {
            throw Self.storeError(error)
        }
    }
}
