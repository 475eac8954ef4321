public import BridgeCore
internal import SQLite

/// Reads sessions and messages from the file of `chatbridge run`, also while that writes to it.
///
/// Opened for reading alone; where the file is not there yet, there is nothing in it.
public actor SQLiteReader: JournalReader {
    /// The most rows of one look.
    private static let limit = 5000

    private let database: SQLiteDatabase
    private let path: String
    /// The last row that was looked at: they are numbered as they come.
    private var last: Int64?

    /// Opens the file when it is first used.
    public init(path: String) {
        self.path = path
        var configuration = SQLiteConfiguration(path: path)
        configuration.readOnly = true
        database = SQLiteDatabase(configuration: configuration)
    }

    /// Closes the file.
    public func close() async {
        await database.close()
    }

    /// The message of an identifier.
    public func message(_ id: UUID) async throws(JournalStoreError) -> StoredMessage? {
        try await select("m.id = ?", [.text(id.description)]).first?.message
    }

    /// The answers to a message, from the index of its session.
    public func answers(to message: StoredMessage) async throws(JournalStoreError) -> [StoredMessage] {
        try await select(
            """
            m.session_id = ? AND m.created_at >= ? AND m.direction = 'outbound'
            AND (json_extract(m.metadata, '$.in_reply_to') = ?
                 OR EXISTS (SELECT 1 FROM json_each(m.metadata, '$.also_in_reply_to') AS n WHERE n.value = ?))
            ORDER BY m.created_at, m.id LIMIT 100
            """,
            [
                .text(message.session.description), .text(message.at.advanced(by: .seconds(-1)).description),
                .text(message.id.description), .text(message.id.description),
            ]
        ).map(\.message)
    }

    /// The messages that a platform calls so.
    public func messages(named name: String, on platform: String, since: Timestamp) async throws(JournalStoreError)
        -> [StoredMessage]
    {
        try await select(
            """
            m.created_at >= ? AND s.platform = ?
            AND (json_extract(m.metadata, '$.message_id') = ? OR json_extract(m.metadata, '$.event_id') = ?
                 OR EXISTS (SELECT 1 FROM json_each(m.metadata, '$.message_ids') AS n WHERE n.value = ?))
            ORDER BY m.created_at, m.id LIMIT 100
            """, [.text(since.description), .text(platform), .text(name), .text(name), .text(name)]
        ).map(\.message)
    }

    /// What has come since the last call, by the numbers of the rows.
    public func next(_ filter: JournalFilter) async throws(JournalStoreError) -> [StoredMessage] {
        var conditions: [String] = []
        var values: [SQLiteValue] = []
        if let session = filter.session {
            conditions.append("m.session_id = ?")
            values.append(.text(session.description))
        }
        if let platform = filter.platform {
            conditions.append("s.platform = ?")
            values.append(.text(platform))
        }
        guard let start = last else {
            // First the end, so that what comes in between is not passed over. Of a file that comes later all is new.
            guard let end = try await lastRow() else {
                last = 0
                return []
            }
            let condition = (conditions + ["m.rowid <= ?"]).joined(separator: " AND ")
            let rows = try await select(
                "\(condition) ORDER BY m.rowid DESC LIMIT \(filter.earlier)", values + [.integer(end)])
            last = end
            return rows.map(\.message).sorted { ($0.at, $0.id) < ($1.at, $1.id) }
        }
        let condition = (conditions + ["m.rowid > ?"]).joined(separator: " AND ")
        let rows = try await select("\(condition) ORDER BY m.rowid LIMIT \(Self.limit)", values + [.integer(start)])
        if let row = rows.last?.row { last = row }
        return rows.map(\.message).sorted { ($0.at, $0.id) < ($1.at, $1.id) }
    }

    /// Nil where there is no file, and 0 where nothing is in it.
    private func lastRow() async throws(JournalStoreError) -> Int64? {
        guard isThere else { return nil }
        let rows = try await query("SELECT max(rowid) AS last FROM messages", [])
        do throws(SQLiteError) { return Int64(try rows?.first?.int("last") ?? 0) } catch {
            throw SQLiteStore.storeError(error)
        }
    }

    private var isThere: Bool { SpoolFolder.isThere(path) }

    // MARK: Rows

    private func select(
        _ condition: String, _ values: [SQLiteValue]
    ) async throws(JournalStoreError) -> [(row: Int64, message: StoredMessage)] {
        let rows = try await query(
            """
            SELECT m.rowid, m.id, m.session_id, s.platform, s.account, s.platform_conversation_id, m.direction,
                   m.sender_id, m.content_type, m.content_text, json_array_length(m.attachments) AS attachments,
                   m.created_at, m.mastra_request_id, m.status, m.metadata
            FROM messages AS m JOIN sessions AS s ON s.id = m.session_id
            WHERE \(condition)
            """, values)
        guard let rows else { return [] }
        do throws(SQLiteError) {
            var messages: [(Int64, StoredMessage)] = []
            for index in 0..<rows.count {
                guard let message = try StoredMessage(rows[index]) else { continue }
                messages.append((Int64(try rows[index].int("rowid") ?? 0), message))
            }
            return messages
        } catch {
            throw SQLiteStore.storeError(error)
        }
    }

    /// Nil where there is no file, or no table in it yet.
    private func query(_ sql: String, _ values: [SQLiteValue]) async throws(JournalStoreError) -> SQLiteRows? {
        guard isThere else { return nil }
        do throws(SQLiteError) {
            return try await database.query(sql, values)
        } catch {
            if error.message.contains("no such table") { return nil }
            throw SQLiteStore.storeError(error)
        }
    }
}

extension StoredMessage {
    /// Nil for a row that is none of ours.
    fileprivate init?(_ row: SQLiteRow) throws(SQLiteError) {
        guard let id = try row.text("id").flatMap({ UUID($0) }),
            let session = try row.text("session_id").flatMap({ UUID($0) }),
            let direction = try row.text("direction").flatMap(LogMessage.Direction.init(rawValue:)),
            let at = try row.text("created_at").flatMap({ Timestamp($0) })
        else { return nil }
        self.init(
            id: id, session: session, platform: try row.text("platform") ?? "", account: try row.text("account") ?? "",
            conversation: try row.text("platform_conversation_id") ?? "", direction: direction,
            sender: try row.text("sender_id"), type: try row.text("content_type") ?? "",
            text: try row.text("content_text"), attachments: try row.int("attachments") ?? 0, at: at,
            request: try row.text("mastra_request_id"), status: try row.text("status") ?? "",
            metadata: Array((try row.text("metadata") ?? "{}").utf8))
    }
}
