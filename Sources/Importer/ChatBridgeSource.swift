internal import BridgeCore
internal import JSON
internal import SQLite

/// ChatBridge's own embedded store, whose rows are those of Postgres in other clothes.
///
/// Nothing is changed but what is broken: ids, times, statuses and order come as they are. Its index is the order that is
/// needed, so nothing is prepared either.
struct ChatBridgeSource: ImportSource {
    let file: SourceFile
    var name: String { "ChatBridge" }

    init(file: SourceFile) throws(ImportSourceError) {
        self.file = file
        let needed = [
            "sessions": [
                "id", "platform", "account", "platform_conversation_id", "user_id", "status", "created_at",
                "last_activity", "metadata",
            ],
            "messages": [
                "id", "session_id", "direction", "sender_id", "content_text", "content_type", "attachments",
                "created_at", "mastra_request_id", "status", "metadata",
            ],
        ]
        for (name, columns) in needed {
            guard let table = file.table(name) else { continue }
            let missing = columns.filter { table.column($0) == nil }
            guard missing.isEmpty else {
                throw .missingColumns(table: name, missing: missing, found: table.columns.map(\.name))
            }
        }
    }

    func counts() async throws -> ImportCounts {
        do throws(SQLiteError) {
            let row = try await file.database.query(
                "SELECT (SELECT count(*) FROM sessions) AS s, (SELECT count(*) FROM messages) AS m"
            ).first
            return ImportCounts(sessions: try row?.int("s") ?? 0, messages: try row?.int("m") ?? 0)
        } catch {
            throw file.translated(error)
        }
    }

    func sessions(after position: ImportPosition?, limit: Int) async throws -> ImportPage<ImportedSession> {
        let start = try position.map { try Place($0, parts: 1) } ?? Place(parts: [""])
        return try await page(
            "SELECT id, \(Self.sessionColumns("")) FROM sessions WHERE id > ? ORDER BY id LIMIT ?", start, limit,
            table: "sessions"
        ) { (cursor, _, changes) throws(Rejection) in
            var session = try Self.session(cursor, from: 0, &changes)
            session.metadata = try Self.json(cursor, 8, .object, "metadata", &changes)
            return session
        }
    }

    func messages(after position: ImportPosition?, limit: Int) async throws -> ImportPage<LogMessage> {
        let start = try position.map { try Place($0, parts: 3) } ?? Place(parts: ["", "", ""])
        return try await page(
            """
            SELECT m.session_id, m.created_at, m.id, \(Self.messageColumns)
            WHERE (m.session_id, m.created_at, m.id) > (?, ?, ?)
            ORDER BY m.session_id, m.created_at, m.id LIMIT ?
            """, start, limit, table: "messages", Self.message)
    }

    func transcript(of session: UUID) async throws -> [LogMessage] {
        var messages: [LogMessage] = []
        var place: Place? = Place(parts: ["", ""])
        while let start = place {
            let page = try await page(
                """
                SELECT m.created_at, m.id, m.session_id, \(Self.messageColumns)
                WHERE m.session_id = ? AND (m.created_at, m.id) > (?, ?)
                ORDER BY m.created_at, m.id LIMIT ?
                """, start, 1000, table: "messages", leading: [.text(session.description)]
            ) { (cursor, session, changes) throws(Rejection) in
                // The columns of the place are in another order here.
                try Self.message(cursor, at: 0, id: 1, &session, &changes)
            }
            messages += page.rows
            place = try page.next.map { try Place($0, parts: 2) }
        }
        return messages
    }

    func close() async { await file.close() }

    // MARK: Rows

    private static func sessionColumns(_ alias: String) -> String {
        [
            "platform", "account", "platform_conversation_id", "user_id", "status", "created_at", "last_activity",
            "metadata",
        ].map { alias + $0 }.joined(separator: ", ")
    }

    private static let messageColumns = """
        m.direction, m.sender_id, m.content_text, m.content_type, m.attachments, m.mastra_request_id, m.status, m.metadata,
        s.id, \(sessionColumns("s."))
        FROM messages AS m LEFT JOIN sessions AS s ON s.id = m.session_id
        """

    /// A session from its id and ``sessionColumns(_:)``, without its metadata.
    private static func session(
        _ row: borrowing SQLiteCursor, from column: Int, _ changes: inout RowChanges
    ) throws(Rejection) -> ImportedSession {
        guard let id = row.text(column, &changes).flatMap({ UUID($0) }) else { throw Rejection("id is no UUID") }
        guard let platform = row.text(column + 1, &changes), let conversation = row.text(column + 3, &changes) else {
            throw Rejection("platform or platform_conversation_id is NULL")
        }
        guard let created = time(row, column + 6), let active = time(row, column + 7) else {
            throw Rejection("created_at or last_activity is no time")
        }
        var status = row.text(column + 5, &changes) ?? ""
        if status != "active" && status != "closed" {
            status = "active"
            changes.insert(.valueReplaced)
        }
        return ImportedSession(
            id: id, platform: platform, account: row.text(column + 2, &changes) ?? "default",
            conversation: conversation, user: row.text(column + 4, &changes), status: status, createdAt: created,
            lastActivity: active)
    }

    /// The session of the row before, which is nearly always that of the next one too.
    private struct SessionInHand {
        private var key: [UInt8] = []
        private var session: LogMessage.Session?

        mutating func session(of row: borrowing SQLiteCursor) throws(Rejection) -> LogMessage.Session {
            if let session, row.bytes(11, { $0.elementsEqual(key) }) { return session }
            var ignored = RowChanges()
            let found = try ChatBridgeSource.session(row, from: 11, &ignored)
            var thread: String?
            if case .value(let json) = row.json(19, &ignored) { thread = json["thread"].idString }
            let new = LogMessage.Session(
                id: found.id, platform: found.platform, account: found.account, conversation: found.conversation,
                thread: thread, user: found.user)
            (key, session) = (row.bytes(11) { Array($0) }, new)
            return new
        }
    }

    private static func message(
        _ row: borrowing SQLiteCursor, _ session: inout SessionInHand, _ changes: inout RowChanges
    ) throws(Rejection) -> LogMessage {
        try message(row, at: 1, id: 2, &session, &changes)
    }

    private static func message(
        _ row: borrowing SQLiteCursor, at timeColumn: Int, id idColumn: Int, _ sessionInHand: inout SessionInHand,
        _ changes: inout RowChanges
    ) throws(Rejection) -> LogMessage {
        guard let id = row.text(idColumn, &changes).flatMap({ UUID($0) }) else { throw Rejection("id is no UUID") }
        guard let at = time(row, timeColumn) else { throw Rejection("created_at is no time") }
        guard row.kind(11) != .null else {
            // Its platform and conversation stood nowhere but there.
            throw Rejection("session_id names a session that is not in the file")
        }
        let session = try sessionInHand.session(of: row)
        guard let direction = row.text(3, &changes).flatMap(LogMessage.Direction.init(rawValue:)) else {
            throw Rejection("direction is neither inbound nor outbound")
        }
        guard let type = row.text(6, &changes) else { throw Rejection("content_type is NULL") }
        var status = row.text(9, &changes).flatMap(MessageStatus.init(rawValue:))
        if status == nil {
            status = direction == .inbound ? .received : .sent
            changes.insert(.valueReplaced)
        }
        return LogMessage(
            id: id, at: at, session: session, direction: direction, sender: row.text(4, &changes), type: type,
            text: row.text(5, &changes),
            attachments: try json(row, 7, .array, "attachments", &changes), request: row.text(8, &changes),
            status: status ?? .received, metadata: try json(row, 10, .object, "metadata", &changes))
    }

    private static func time(_ row: borrowing SQLiteCursor, _ column: Int) -> Timestamp? {
        if case .value(let time) = row.time(column, .iso) { time } else { nil }
    }

    /// A column of JSON as it is, or `{"raw": …}` for what is none.
    private static func json(
        _ row: borrowing SQLiteCursor, _ column: Int, _ kind: JSONView.Kind, _ name: String,
        _ changes: inout RowChanges
    ) throws(Rejection) -> [UInt8] {
        let empty = kind == .array ? LogMessage.noAttachments : LogMessage.noMetadata
        // Most are empty.
        if row.bytes(column, { $0.count == empty.count && $0.elementsEqual(empty) }) { return empty }
        return StoredText.container(row.json(column, &changes), kind, &changes)
    }

    // MARK: Pages

    /// A place in an index: the values of its columns, all text.
    private struct Place {
        var parts: [String]

        init(parts: [String]) { self.parts = parts }

        init(_ position: ImportPosition, parts count: Int) throws(ImportSourceError) {
            let json = (try? JSONView(parsing: position.description)) ?? .missing
            parts = json["after"].elements.compactMap(\.string)
            guard parts.count == count else { throw .foreignPosition(position.description) }
        }

        var position: ImportPosition {
            var writer = JSONWriter(capacity: 128)
            writer.object { object in object.arrayField("after") { array in parts.forEach { array.value($0) } } }
            return ImportPosition(String(decoding: writer.bytes, as: UTF8.self))
        }
    }

    /// Runs a statement whose first columns are those of the place.
    private func page<Row: Sendable>(
        _ sql: String, _ start: Place, _ limit: Int, table: String, leading: [SQLiteValue] = [],
        _ map: @Sendable (borrowing SQLiteCursor, inout SessionInHand, inout RowChanges) throws(Rejection) -> Row
    ) async throws(ImportSourceError) -> ImportPage<Row> {
        let limit = max(1, limit)
        let width = start.parts.count
        do throws(SQLiteError) {
            let (found, refused) = try await file.database.read(
                sql, leading + start.parts.map { .text($0) } + [.integer(Int64(limit))]
            ) { (cursor) throws(SQLiteError) in
                var page = ImportPage<Row>()
                var refused: [(id: String, reason: String)] = []
                var session = SessionInHand()
                var count = 0
                while try cursor.next() {
                    count += 1
                    var changes = RowChanges()
                    do throws(Rejection) {
                        page.rows.append(try map(cursor, &session, &changes))
                        changes.add(to: &page.changes)
                    } catch {
                        let id = cursor.bytes(width - 1) { String(decoding: $0, as: UTF8.self) }
                        refused.append((id, error.reason))
                    }
                    guard count == limit else { continue }
                    var last = Place(parts: [])
                    for part in 0..<width {
                        last.parts.append(cursor.bytes(part) { String(decoding: $0, as: UTF8.self) })
                    }
                    page.next = last.position
                }
                return (page, refused)
            }
            var page = found
            for (id, reason) in refused {
                let rowid = table == "messages" ? "rowid" : "0"
                page.rejected += try await file.database.read(
                    "SELECT *, \(rowid) FROM \(table) WHERE id = ?", [.text(id)]
                ) { (cursor) throws(SQLiteError) in
                    guard try cursor.next() else { return [] }
                    let width = cursor.columns.count - 1
                    return [
                        RejectedRow(
                            table: table, rowid: cursor.integer(width), reason: reason, values: cursor.values(of: width)
                        )
                    ]
                }
            }
            return page
        } catch {
            throw file.translated(error)
        }
    }
}
