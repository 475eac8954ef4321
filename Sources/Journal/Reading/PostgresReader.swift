public import BridgeCore
public import Postgres

/// Reads sessions and messages from Postgres.
///
/// Identifiers are of version 7, so that the primary key is an index by time; what bears other ones (imported rows) is found by
/// its identifier alone.
public actor PostgresReader: JournalReader {
    /// How far back each look goes: most rows are there a moment after their time.
    private static let nearWindow = Duration.seconds(5)
    /// How far back some looks go: for what waited for a logger.
    private static let wideWindow = Duration.seconds(120)
    /// A look of the wide kind after so many others.
    private static let wideEvery = 10
    /// The most rows of one look.
    private static let limit = 5000

    private let connection: PostgresConnection
    /// What was given out already, as far back as the wide window.
    private var seen: Set<UUID> = []
    private var newest: Timestamp?
    private var looks = 0
    /// Whether the server keeps the times of commits; nil: not asked yet.
    private var keepsTimes: Bool?

    /// Connects when it is first used.
    public init(configuration: PostgresConfiguration) {
        connection = PostgresConnection(configuration: configuration)
    }

    /// Ends the connection.
    public func close() async {
        await connection.close()
    }

    /// Whether the server keeps the times of commits (`track_commit_timestamp`).
    public func keepsCommitTimes() async throws(JournalStoreError) -> Bool {
        if let keepsTimes { return keepsTimes }
        let rows = try await query("SELECT current_setting('track_commit_timestamp') AS setting")
        let keeps = try read { () throws(PostgresError) in try rows.first?.text("setting") == "on" }
        keepsTimes = keeps
        return keeps
    }

    /// What time it is there.
    public func serverTime() async throws(JournalStoreError) -> Timestamp? {
        let rows = try await query("SELECT clock_timestamp() AS now")
        return try read { () throws(PostgresError) in
            try rows.first?.microsecondsSinceUnixEpoch("now").map { Timestamp(microseconds: $0) }
        }
    }

    /// The message of an identifier.
    public func message(_ id: UUID) async throws(JournalStoreError) -> StoredMessage? {
        try await select("m.id = $1", [.uuid(id.postgres)]).first
    }

    /// The answers to a message, from the index of its session.
    public func answers(to message: StoredMessage) async throws(JournalStoreError) -> [StoredMessage] {
        try await select(
            """
            m.session_id = $1 AND m.created_at >= $2 AND m.direction = 'outbound'
            AND (m.metadata ->> 'in_reply_to' = $3 OR m.metadata -> 'also_in_reply_to' ? $3)
            ORDER BY m.created_at, m.id LIMIT 100
            """,
            [
                .uuid(message.session.postgres),
                .timestamptz(microsecondsSinceUnixEpoch: message.at.advanced(by: .seconds(-1)).microseconds),
                .text(message.id.description),
            ])
    }

    /// The messages that a platform calls so; their identifiers tell their age.
    public func messages(named name: String, on platform: String, since: Timestamp) async throws(JournalStoreError)
        -> [StoredMessage]
    {
        try await select(
            """
            m.id >= $1 AND s.platform = $2
            AND (m.metadata ->> 'message_id' = $3 OR m.metadata -> 'message_ids' ? $3 OR m.metadata ->> 'event_id' = $3)
            ORDER BY m.created_at, m.id LIMIT 100
            """,
            [.uuid(UUID.floor(at: since).postgres), .text(platform), .text(name)])
    }

    // MARK: Following

    /// What has come since the last call.
    ///
    /// Nothing in the table tells in which order rows came, so each look goes back over some seconds, and each tenth over
    /// two minutes, and leaves out what was given out before.
    public func next(_ filter: JournalFilter) async throws(JournalStoreError) -> [StoredMessage] {
        let now = Timestamp.now()
        guard let last = newest else { return try await first(filter, at: now) }
        looks += 1
        let isWide = looks % Self.wideEvery == 0
        // A bridge's clock may be behind ours, or ahead.
        let start = min(now, last).advanced(by: .zero - (isWide ? Self.wideWindow : Self.nearWindow))
        let new = try await ids(filter, from: start, to: now).filter { !seen.contains($0) }.prefix(Self.limit)
        var list = PostgresArrayBuilder(.uuid, capacity: new.count)
        for id in new { list.append(id.postgres) }
        let found = new.isEmpty ? [] : try await select("m.id = ANY ($1)", [.array(list.finish())])
        seen.formUnion(new)
        newest = max(last, found.map(\.at).max() ?? last)
        if isWide {
            let oldest = UUID.floor(at: min(now, last).advanced(by: .zero - Self.wideWindow * 2))
            seen = seen.filter { $0 >= oldest }
        }
        return found.sorted { ($0.at, $0.id) < ($1.at, $1.id) }
    }

    private func first(_ filter: JournalFilter, at now: Timestamp) async throws(JournalStoreError) -> [StoredMessage] {
        // Before the latest are looked for, so that what comes in between is not passed over.
        let recent = try await ids(filter, from: now.advanced(by: .zero - Self.wideWindow * 2), to: now)
        let (condition, values) = Self.condition(filter, from: Timestamp(microseconds: 0), to: now)
        let latest =
            filter.earlier == 0
            ? [] : try await select("\(condition) ORDER BY m.id DESC LIMIT \(filter.earlier)", values)
        seen = Set(recent + latest.map(\.id))
        newest = now
        return latest.sorted { ($0.at, $0.id) < ($1.at, $1.id) }
    }

    private func ids(
        _ filter: JournalFilter, from start: Timestamp, to now: Timestamp
    ) async throws(JournalStoreError) -> [UUID] {
        let (condition, values) = Self.condition(filter, from: start, to: now)
        let sessions = filter.platform == nil ? "" : "JOIN sessions AS s ON s.id = m.session_id"
        let rows = try await query("SELECT m.id FROM messages AS m \(sessions) WHERE \(condition)", values)
        return try read { () throws(PostgresError) in
            var ids: [UUID] = []
            for index in 0..<rows.count {
                if let id = try rows[index].uuid("id") { ids.append(UUID(high: id.high, low: id.low)) }
            }
            return ids
        }
    }

    /// The rows of a filter with identifiers of a time.
    private static func condition(
        _ filter: JournalFilter, from start: Timestamp, to now: Timestamp
    ) -> (String, [PostgresValue]) {
        // Identifiers of other versions lie anywhere, most of them beyond all times to come.
        let end = now.advanced(by: .seconds(86_400))
        var condition = "m.id >= $1 AND m.id < $2"
        var values: [PostgresValue] = [.uuid(UUID.floor(at: start).postgres), .uuid(UUID.floor(at: end).postgres)]
        if let session = filter.session {
            values.append(.uuid(session.postgres))
            condition += " AND m.session_id = $\(values.count)"
        }
        if let platform = filter.platform {
            values.append(.text(platform))
            condition += " AND s.platform = $\(values.count)"
        }
        return (condition, values)
    }

    // MARK: Rows

    private func select(_ condition: String, _ values: [PostgresValue]) async throws(JournalStoreError)
        -> [StoredMessage]
    {
        let time = try await keepsCommitTimes() ? "pg_xact_commit_timestamp(m.xmin)" : "NULL::timestamptz"
        let rows = try await query(
            """
            SELECT m.id, m.session_id, s.platform, s.account, s.platform_conversation_id, m.direction, m.sender_id,
                   m.content_type, m.content_text, jsonb_array_length(m.attachments) AS attachments, m.created_at,
                   m.mastra_request_id, m.status, m.metadata, \(time) AS logged_at
            FROM messages AS m JOIN sessions AS s ON s.id = m.session_id
            WHERE \(condition)
            """, values)
        return try read { () throws(PostgresError) in
            var messages: [StoredMessage] = []
            for index in 0..<rows.count { if let message = try StoredMessage(rows[index]) { messages.append(message) } }
            return messages
        }
    }

    private func query(_ sql: String, _ values: [PostgresValue] = []) async throws(JournalStoreError) -> PostgresRows {
        do throws(PostgresError) {
            return try await connection.query(sql, values)
        } catch {
            throw PostgresReader.storeError(error)
        }
    }

    private func read<Value>(_ body: () throws(PostgresError) -> Value) throws(JournalStoreError) -> Value {
        do throws(PostgresError) { return try body() } catch { throw PostgresReader.storeError(error) }
    }

    private static func storeError(_ error: PostgresError) -> JournalStoreError {
        switch error.code {
        case .undefinedTable, .undefinedColumn, .undefinedSchema:
            JournalStoreError(code: .unavailable, message: "\(error); run 'chatbridge migrate up'")
        default: JournalStoreError(code: .unavailable, message: error.description)
        }
    }
}

extension StoredMessage {
    /// Nil for a row that is none of ours.
    fileprivate init?(_ row: PostgresRow) throws(PostgresError) {
        guard let id = try row.uuid("id"), let session = try row.uuid("session_id"),
            let direction = try row.text("direction").flatMap(LogMessage.Direction.init(rawValue:)),
            let at = try row.microsecondsSinceUnixEpoch("created_at")
        else { return nil }
        self.init(
            id: UUID(high: id.high, low: id.low), session: UUID(high: session.high, low: session.low),
            platform: try row.text("platform") ?? "", account: try row.text("account") ?? "",
            conversation: try row.text("platform_conversation_id") ?? "", direction: direction,
            sender: try row.text("sender_id"), type: try row.text("content_type") ?? "",
            text: try row.text("content_text"), attachments: try row.int("attachments") ?? 0,
            at: Timestamp(microseconds: at), request: try row.text("mastra_request_id"),
            status: try row.text("status") ?? "", metadata: try row.json("metadata") ?? LogMessage.noMetadata,
            loggedAt: try row.microsecondsSinceUnixEpoch("logged_at").map { Timestamp(microseconds: $0) })
    }
}
