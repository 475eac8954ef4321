internal import BridgeCore
internal import SQLite

extension SQLiteStore {
    /// The first news of a session makes it; later news move its activity forward and fill in what was not known.
    static func upsert(
        _ sessions: [SessionTable.Session], _ transaction: borrowing SQLiteTransaction
    ) throws(SQLiteError) {
        for session in sessions {
            try transaction.execute(
                """
                INSERT INTO sessions (id, platform, account, platform_conversation_id, user_id, status, created_at,
                                      last_activity, metadata)
                VALUES (?, ?, ?, ?, ?, 'active', ?, ?, ?)
                ON CONFLICT (id) DO UPDATE
                SET last_activity = max(last_activity, excluded.last_activity),
                    created_at = min(created_at, excluded.created_at),
                    user_id = coalesce(user_id, excluded.user_id),
                    metadata = json_patch(metadata, excluded.metadata)
                """,
                [
                    .text(session.id.description), .text(session.platform), .text(session.account),
                    .text(session.conversation), .optionalText(session.user), .text(session.first.description),
                    .text(session.last.description), .utf8(session.metadata),
                ])
        }
    }

    /// A message that is there already stays as it is.
    static func insert(
        _ messages: [LogMessage], _ transaction: borrowing SQLiteTransaction
    ) throws(SQLiteError) {
        for message in messages {
            try transaction.execute(
                """
                INSERT INTO messages (id, session_id, direction, sender_id, content_text, content_type, attachments,
                                      created_at, mastra_request_id, status, metadata)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO NOTHING
                """,
                [
                    .text(message.id.description), .text(message.session.id.description),
                    .text(message.direction.rawValue), .optionalText(message.sender), .optionalText(message.text),
                    .text(message.type), .utf8(message.attachments), .text(message.at.description),
                    .optionalText(message.request), .text(message.status.rawValue), .utf8(message.metadata),
                ])
        }
    }

    /// Moves statuses forward, never back, and merges metadata as Postgres does.
    ///
    /// - Returns: The places of the changes whose message is not there.
    static func update(
        _ changes: [StatusChanges.Change], _ transaction: borrowing SQLiteTransaction
    ) throws(SQLiteError) -> [Int] {
        var missing: [Int] = []
        for change in changes {
            let id = change.id.description
            let found = try transaction.query(
                "SELECT status, metadata, attachments FROM messages WHERE id = ?", [.text(id)])
            guard let row = found.first else {
                missing += change.indices
                continue
            }
            let status = try row.text("status").flatMap(MessageStatus.init(rawValue:))
            let metadata = Array((try row.text("metadata") ?? "{}").utf8)
            let isNews = status.map { change.status.rank >= $0.rank } ?? true
            try transaction.execute(
                "UPDATE messages SET status = ?, metadata = ? WHERE id = ?",
                [
                    .text((isNews ? change.status : status ?? change.status).rawValue),
                    .utf8(
                        isNews
                            ? StatusChanges.merged(metadata, change.metadata)
                            : StatusChanges.merged(change.metadata, metadata)), .text(id),
                ])
            guard change.stored != LogMessage.noMetadata else { continue }
            let attachments = Array((try row.text("attachments") ?? "[]").utf8)
            if let told = StoredAttachments.told(attachments, change.stored) {
                try transaction.execute(
                    "UPDATE messages SET attachments = ? WHERE id = ?", [.utf8(told), .text(id)])
            }
        }
        return missing.sorted()
    }
}
