internal import BridgeCore
internal import JSON
internal import SQLite

extension OrderedSource {
    func sessions(after position: ImportPosition?, limit: Int) async throws -> ImportPage<ImportedSession> {
        let start = try SessionPlace(position)
        if let row = start.repeats { return try await repeats(after: row, limit: limit) }
        let columns = mapper.sessionColumns.map { ", " + $0 }.joined()
        let sql = """
            SELECT s.key, s.row,
                   (SELECT min(time) FROM temp.import_order WHERE session = s.key AND time > -9223372036854775808),
                   (SELECT max(time) FROM temp.import_order WHERE session = s.key AND time > -9223372036854775808)\(columns)
            FROM temp.import_sessions AS s \(sessionJoins)
            WHERE s.key > ? ORDER BY s.key LIMIT ?
            """
        let mapper = mapper
        let (found, refused) = try await file.reading { (database) throws(SQLiteError) in
            try await database.read(sql, [.text(start.key), .integer(Int64(max(1, limit)))]) {
                (cursor) throws(SQLiteError) in
                var page = ImportPage<ImportedSession>()
                var refused: [(row: Int64?, key: String, reason: String)] = []
                var count = 0
                while try cursor.next() {
                    count += 1
                    let key = cursor.bytes(0) { String(decoding: $0, as: UTF8.self) }
                    page.next = SessionPlace(key: key).position
                    var changes = RowChanges()
                    do throws(Rejection) {
                        page.rows.append(try Self.session(mapper, cursor, key: key, &changes))
                        changes.add(to: &page.changes)
                    } catch {
                        refused.append((cursor.kind(1) == .null ? nil : cursor.integer(1), key, error.reason))
                    }
                }
                if count < limit { page.next = SessionPlace(key: "", repeats: .min).position }
                return (page, refused)
            }
        }
        var page = found
        for (row, key, reason) in refused {
            if let row, let table = mapper.sessions?.table {
                page.rejected += try await rejected([(row, reason)], of: table)
            } else {
                var writer = JSONWriter()
                writer.object { $0.field("key", key) }
                page.rejected.append(
                    RejectedRow(table: mapper.messages.name, rowid: 0, reason: reason, values: writer.bytes))
            }
        }
        return page
    }

    private static func session(
        _ mapper: Mapper, _ cursor: borrowing SQLiteCursor, key: String, _ changes: inout RowChanges
    ) throws(Rejection) -> ImportedSession {
        let exists = cursor.kind(1) != .null
        let mapped = try mapper.session(cursor, from: 4, key: key, exists: exists, changes: &changes)
        if !exists, mapper.sessions != nil { changes.insert(.sessionMade) }
        let first = cursor.kind(2) == .null ? nil : Timestamp(microseconds: cursor.integer(2))
        let last = cursor.kind(3) == .null ? nil : Timestamp(microseconds: cursor.integer(3))
        guard let begin = mapped.createdAt ?? first ?? mapped.lastActivity else {
            throw Rejection("neither the session nor any message of it has a time")
        }
        let end = mapped.lastActivity ?? last ?? begin
        if exists, mapped.createdAt == nil, mapper.sessions != nil { changes.insert(.timeMissing) }
        let session = ImportedSession(
            id: mapped.session.id, platform: mapped.session.platform, account: mapped.session.account,
            conversation: mapped.session.conversation, user: mapped.session.user, status: mapped.status,
            createdAt: min(begin, first ?? begin), lastActivity: max(end, last ?? end, begin), metadata: mapped.metadata
        )
        if session.createdAt < begin || session.lastActivity > end { changes.insert(.sessionTimesWidened) }
        return session
    }

    /// The sessions' rows that have no id, or the id of another.
    private func repeats(after row: Int64, limit: Int) async throws(ImportSourceError) -> ImportPage<ImportedSession> {
        guard let table = mapper.sessions?.table else { return ImportPage() }
        var page = ImportPage<ImportedSession>()
        let rows = try await file.reading { (database) throws(SQLiteError) in
            try await database.query(
                "SELECT row FROM temp.import_repeats WHERE row > ? ORDER BY row LIMIT ?",
                [.integer(row), .integer(Int64(max(1, limit)))]
            ).rows
        }
        let numbers = rows.compactMap { row -> Int64? in
            if case .integer(let number) = row[0] { number } else { nil }
        }
        if numbers.count == limit, let last = numbers.last {
            page.next = SessionPlace(key: "", repeats: last).position
        }
        page.rejected = try await rejected(
            numbers.map { ($0, "the session has no id, or the id of an earlier row") }, of: table)
        return page
    }
}

/// A place in the order of sessions: behind a key, or among the rows without a key of their own, which come last.
private struct SessionPlace {
    var key: String
    var repeats: Int64?

    init(key: String, repeats: Int64? = nil) {
        self.key = key
        self.repeats = repeats
    }

    init(_ position: ImportPosition?) throws(ImportSourceError) {
        guard let position else {
            self.init(key: "")
            return
        }
        let json = (try? JSONView(parsing: position.description)) ?? .missing
        if let row = json["repeats"].int {
            self.init(key: "", repeats: row)
        } else {
            guard let key = json["session"].string, !json["row"].exists else {
                throw .foreignPosition(position.description)
            }
            self.init(key: key)
        }
    }

    var position: ImportPosition {
        var writer = JSONWriter(capacity: 64)
        writer.object { object in
            if let repeats { object.field("repeats", repeats) } else { object.field("session", key) }
        }
        return ImportPosition(String(decoding: writer.bytes, as: UTF8.self))
    }
}
