internal import BridgeCore
internal import Postgres

extension PostgresStore {
    /// More messages than this go by COPY, which does less for each row but takes more round trips.
    static let copyThreshold = 500

    /// One transaction with the messages by binary COPY; quicker than ``pipelined(_:)`` for many rows.
    ///
    /// - Returns: The rows of the update of statuses; nil when there were none to update.
    /// - Throws: `uniqueViolation` when one of the messages is there already, which COPY cannot pass over.
    func copied(_ rows: JournalRows) async throws(PostgresError) -> PostgresRows? {
        let sessions = Self.upsert(rows.sessions)
        let messages = Self.copyData(rows.messages)
        let changes = rows.changes.isEmpty ? nil : Self.update(rows.changes)
        return try await connection.transaction { transaction throws(PostgresError) in
            _ = try transaction.pipeline([sessions])
            try transaction.copyIn(
                """
                COPY messages (id, session_id, direction, sender_id, content_text, content_type, attachments,
                               created_at, mastra_request_id, status, metadata)
                FROM STDIN (FORMAT binary)
                """, chunks: [messages])
            guard let changes else { return nil }
            return try transaction.query(changes.sql, changes.parameters)
        }
    }

    private static func copyData(_ messages: [LogMessage]) -> [UInt8] {
        var data = PostgresCopyBuilder(capacity: messages.count * 640)
        for message in messages {
            data.beginRow(fields: 11)
            data.append(message.id.postgres)
            data.append(message.session.id.postgres)
            data.append(message.direction.rawValue)
            data.append(message.sender)
            data.append(message.text)
            data.append(message.type)
            data.append(json: message.attachments)
            data.append(microsecondsSinceUnixEpoch: message.at.microseconds)
            data.append(message.request)
            data.append(message.status.rawValue)
            data.append(json: message.metadata)
        }
        return data.finish()
    }
}
