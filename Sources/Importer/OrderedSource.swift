internal import BridgeCore
internal import JSON
internal import SQLite

/// A store whose rows a ``RowMapper`` maps, in the order of session, time and row number.
///
/// Foreign stores seldom have an index for that order, and compare times as text or not at all. So when it is opened, one scan
/// of the messages makes a temporary table of (session, time, row number) on disk; pages then walk it, and pick the rows by
/// their numbers. A message whose time is no time has the earliest of all there, and is rejected when its page comes.
struct OrderedSource<Mapper: RowMapper>: ImportSource {
    let file: SourceFile
    let mapper: Mapper
    var name: String { mapper.name }

    /// Stands for a time that cannot be read.
    static var noTime: Int64 { .min }
    /// A page ends when its rows have so many bytes, however few they are.
    static var pageBytes: Int { 4 << 20 }

    init(file: SourceFile, mapper: Mapper) async throws(ImportSourceError) {
        self.file = file
        self.mapper = mapper
        do throws(SQLiteError) {
            try await makeOrder()
        } catch {
            throw file.translated(error)
        }
    }

    private func makeOrder() async throws(SQLiteError) {
        let database = file.database
        let (column, format, offset) = mapper.messageTime
        let ids = mapper.sessionIDs
        try await database.define("import_time", arguments: 1) { arguments in
            arguments.time(format, offset: offset).map { .integer($0) } ?? .null
        }
        try await database.define("import_session_id", arguments: 1) { arguments in
            let key = arguments.bytes(0) { String(decoding: $0, as: UTF8.self) }
            return .blob(ids.id(key).id.bytes)
        }
        let messages = mapper.messages
        // One transaction, so that all of it is of one state of the source. It takes no lock but for reading.
        var script = """
            BEGIN;
            CREATE TEMP TABLE import_order (
                session TEXT NOT NULL, time INTEGER NOT NULL, row INTEGER NOT NULL,
                PRIMARY KEY (session, time, row)
            ) WITHOUT ROWID;
            INSERT INTO temp.import_order
            SELECT coalesce(\(mapper.messageSession), ''),
                   coalesce(import_time(\(SourceTable.quoted(column))), -9223372036854775808), \(messages.rowid ?? "rowid")
            FROM \(messages.sql) ORDER BY 1, 2, 3;
            CREATE TEMP TABLE import_sessions (key TEXT PRIMARY KEY, id BLOB, row INTEGER) WITHOUT ROWID;
            CREATE TEMP TABLE import_repeats (row INTEGER PRIMARY KEY);
            """
        if let (table, key) = mapper.sessions {
            let rowid = table.rowid ?? "rowid"
            script += """

                INSERT OR IGNORE INTO temp.import_sessions
                SELECT k, import_session_id(k), r FROM (SELECT \(key) AS k, \(rowid) AS r FROM \(table.sql))
                WHERE k <> '' ORDER BY k, r;
                INSERT INTO temp.import_repeats
                SELECT \(rowid) FROM \(table.sql)
                WHERE (SELECT count(*) FROM \(table.sql)) > (SELECT count(*) FROM temp.import_sessions)
                  AND \(rowid) NOT IN (SELECT row FROM temp.import_sessions);
                """
        }
        script += """

            INSERT OR IGNORE INTO temp.import_sessions
            SELECT session, import_session_id(session), NULL
            FROM (SELECT DISTINCT session FROM temp.import_order WHERE session <> '');
            CREATE INDEX temp.import_sessions_id ON import_sessions (id);
            COMMIT
            """
        try await database.script(script)
    }

    func counts() async throws -> ImportCounts {
        do throws(SQLiteError) {
            let row = try await file.database.query(
                """
                SELECT (SELECT count(*) FROM temp.import_sessions) + (SELECT count(*) FROM temp.import_repeats) AS s,
                       (SELECT count(*) FROM temp.import_order) AS m
                """
            ).first
            return ImportCounts(sessions: try row?.int("s") ?? 0, messages: try row?.int("m") ?? 0)
        } catch {
            throw file.translated(error)
        }
    }

    func close() async { await file.close() }

    /// The joins that give a session of `s` its row `t` and its first message `f`.
    var sessionJoins: String {
        let sessions = mapper.sessions.map {
            "LEFT JOIN \($0.table.sql) AS t ON t.\($0.table.rowid ?? "rowid") = s.row"
        }
        return """
            \(sessions ?? "") LEFT JOIN \(mapper.messages.sql) AS f ON f.\(mapper.messages.rowid ?? "rowid") =
                (SELECT row FROM temp.import_order WHERE session = s.key ORDER BY time, row LIMIT 1)
            \(mapper.sessionJoins)
            """
    }

    /// Reads the rejected rows as they are in the source.
    func rejected(
        _ rows: [(row: Int64, reason: String)], of table: SourceTable
    ) async throws(ImportSourceError) -> [RejectedRow] {
        var result: [RejectedRow] = []
        for (row, reason) in rows {
            do throws(SQLiteError) {
                let values = try await file.database.read(
                    "SELECT * FROM \(table.sql) WHERE \(table.rowid ?? "rowid") = ?", [.integer(row)]
                ) { (cursor) throws(SQLiteError) in
                    guard try cursor.next() else { return LogMessage.noMetadata }
                    return cursor.values(of: cursor.columns.count)
                }
                result.append(RejectedRow(table: table.name, rowid: row, reason: reason, values: values))
            } catch {
                throw file.translated(error)
            }
        }
        return result
    }
}

extension SQLiteCursor {
    /// The row's first columns as one JSON object, blobs in hexadecimal digits.
    func values(of width: Int) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { object in
            for (index, name) in columns.prefix(width).enumerated() {
                object.key(name)
                switch kind(index) {
                case .null: object.null()
                case .integer: object.value(integer(index))
                case .real: object.value(real(index))
                case .text: object.value(bytes(index) { String(decoding: $0, as: UTF8.self) })
                case .blob:
                    object.value(
                        bytes(index) { bytes in bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() })
                }
            }
        }
        return writer.bytes
    }
}
