internal import BridgeCore
internal import JSON
internal import SQLite

extension OrderedSource {
    func messages(after position: ImportPosition?, limit: Int) async throws -> ImportPage<LogMessage> {
        try await page(after: try MessagePlace(position), limit: limit, within: false)
    }

    func transcript(of session: UUID) async throws -> [LogMessage] {
        var messages: [LogMessage] = []
        let found = try await file.reading { (database) throws(SQLiteError) in
            try await database.query("SELECT key FROM temp.import_sessions WHERE id = ?", [.blob(session.bytes)])
        }
        guard case .text(let key)? = found.rows.first?.first else { return [] }
        var place: MessagePlace? = MessagePlace(session: key, time: .min, row: .min, last: .min)
        while let start = place {
            let page = try await page(after: start, limit: 1000, within: true)
            messages += page.rows
            place = try page.next.map { try MessagePlace($0) }
        }
        return messages
    }

    /// The messages behind a place.
    ///
    /// - Parameter isWithin: Ends with the place's session.
    private func page(
        after start: MessagePlace, limit: Int, within isWithin: Bool
    ) async throws(ImportSourceError) -> ImportPage<LogMessage> {
        let (mapper, sessionSQL, limit) = (mapper, sessionSQL, max(1, limit))
        let parameters: [SQLiteValue] =
            (isWithin ? [.text(start.session)] : [])
            + [.text(start.session), .integer(start.time), .integer(start.row), .integer(Int64(limit))]
        let sql = sql(within: isWithin)
        let (found, refused) = try await file.reading { (database) throws(SQLiteError) in
            try await database.read(sql, parameters) { (cursor) throws(SQLiteError) in
                var run = PageRun(mapper: mapper, sessionSQL: sessionSQL, place: start)
                var isLast = false
                while !isLast, run.bytes < Self.pageBytes {
                    if try cursor.next() {
                        try run.take(cursor)
                    } else {
                        // A row that was deleted meanwhile is in no page, and counts for no limit.
                        isLast = run.count < limit
                        break
                    }
                }
                if !isLast { run.page.next = run.place.position }
                return (run.page, run.refused)
            }
        }
        var page = found
        page.rejected = try await rejected(refused, of: mapper.messages)
        return page
    }

    private func sql(within isWithin: Bool) -> String {
        let columns = mapper.messageColumns.map { ", " + $0 }.joined()
        // CROSS JOIN keeps SQLite from walking the messages' table and looking up the order.
        return """
            SELECT o.session, o.time, o.row\(columns)
            FROM temp.import_order AS o
            CROSS JOIN \(mapper.messages.sql) AS m ON m.\(mapper.messages.rowid ?? "rowid") = o.row
            WHERE \(isWithin ? "o.session = ? AND " : "")(o.session, o.time, o.row) > (?, ?, ?)
            ORDER BY o.session, o.time, o.row LIMIT ?
            """
    }

    /// One session, asked for when its first message comes.
    private var sessionSQL: String {
        "SELECT s.row\(mapper.sessionColumns.map { ", " + $0 }.joined()) FROM temp.import_sessions AS s \(sessionJoins) WHERE s.key = ?"
    }
}

/// A page of messages in the making, and what has to be known of the row before.
private struct PageRun<Mapper: RowMapper> {
    let mapper: Mapper
    let sessionSQL: String
    private(set) var place: MessagePlace
    var page = ImportPage<LogMessage>()
    private(set) var refused: [(row: Int64, reason: String)] = []
    private(set) var count = 0
    /// Of texts and JSON.
    private(set) var bytes = 0
    /// The session of the row before, or why it has none.
    private var session: Result<LogMessage.Session, Rejection>?

    init(mapper: Mapper, sessionSQL: String, place: MessagePlace) {
        self.mapper = mapper
        self.sessionSQL = sessionSQL
        self.place = place
    }

    mutating func take(_ cursor: borrowing SQLiteCursor) throws(SQLiteError) {
        count += 1
        let (time, row) = (cursor.integer(1), cursor.integer(2))
        let isSameSession = cursor.bytes(0) { key in
            var session = place.session
            return session.withUTF8 { key.elementsEqual($0) }
        }
        if !isSameSession {
            place.session = cursor.bytes(0) { String(decoding: $0, as: UTF8.self) }
            place.last = .min
            session = nil
        }
        (place.time, place.row) = (time, row)
        let session: Result<LogMessage.Session, Rejection>
        if let known = self.session {
            session = known
        } else {
            session = try currentSession(cursor)
            self.session = session
        }
        do throws(Rejection) {
            try map(cursor, in: session, time: time, row: row)
        } catch {
            refused.append((row, error.reason))
        }
    }

    private mutating func map(
        _ cursor: borrowing SQLiteCursor, in session: Result<LogMessage.Session, Rejection>, time: Int64, row: Int64
    ) throws(Rejection) {
        guard time != .min else {
            throw Rejection(
                "\(mapper.messageTime.column) is missing or no time (\(mapper.messageTime.format.rawValue))")
        }
        let session = try session.get()
        var changes = RowChanges()
        // Transcripts are in the order of time, then id: messages of the same time are moved apart in the order that the
        // source has them in.
        var at = time
        if place.last != .min, time <= place.last { at = place.last + 1 }
        guard
            let message = try mapper.message(
                cursor, from: 3, rowid: row, at: Timestamp(microseconds: at), session: session, changes: &changes)
        else {
            page.changes[.leftOut, default: 0] += 1
            return
        }
        if at != time { changes.insert(.timeNudged) }
        place.last = at
        changes.add(to: &page.changes)
        bytes += (message.text?.utf8.count ?? 0) + message.metadata.count + message.attachments.count
        page.rows.append(message)
    }

    private func currentSession(
        _ cursor: borrowing SQLiteCursor
    ) throws(SQLiteError) -> Result<LogMessage.Session, Rejection> {
        guard !place.session.isEmpty else { return .failure(Rejection("the message names no session")) }
        return try cursor.read(sessionSQL, [.text(place.session)]) { (row) throws(SQLiteError) in
            guard try row.next() else { return .failure(Rejection("its session was deleted meanwhile")) }
            // What is changed in a session is counted with the sessions.
            var ignored = RowChanges()
            do throws(Rejection) {
                let mapped = try mapper.session(
                    row, from: 1, key: place.session, exists: row.kind(0) != .null, changes: &ignored)
                return .success(mapped.session)
            } catch {
                return .failure(Rejection("its session is rejected: \(error.reason)"))
            }
        }
    }
}

/// A place in the order of messages, and the time that the message before it was given.
struct MessagePlace: Equatable {
    var session: String
    var time: Int64
    var row: Int64
    var last: Int64

    init(session: String, time: Int64, row: Int64, last: Int64) {
        self.session = session
        self.time = time
        self.row = row
        self.last = last
    }

    init(_ position: ImportPosition?) throws(ImportSourceError) {
        guard let position else {
            self.init(session: "", time: .min, row: .min, last: .min)
            return
        }
        let json = (try? JSONView(parsing: position.description)) ?? .missing
        guard let session = json["session"].string, let time = json["time"].int, let row = json["row"].int,
            let last = json["last"].int
        else { throw .foreignPosition(position.description) }
        self.init(session: session, time: time, row: row, last: last)
    }

    var position: ImportPosition {
        var writer = JSONWriter(capacity: 128)
        writer.object { object in
            object.field("session", session)
            object.field("time", time)
            object.field("row", row)
            object.field("last", last)
        }
        return ImportPosition(String(decoding: writer.bytes, as: UTF8.self))
    }
}
