internal import SQLite

extension ImportMapping {
    /// What maps the rows of a file; nil for a mapping without tables.
    ///
    /// - Throws: ``ImportSourceError/mappingDoesNotFit(reason:)`` with every table and column that the file does not have.
    func mapper(for file: SourceFile) async throws(ImportSourceError) -> MappedMapper? {
        guard var messages, var sessions else { return nil }
        var problems: [String] = []
        let messageTable = Self.find(messages.table, "messages.table", in: file, &problems)
        let sessionTable = sessions.table.flatMap { Self.find($0, "sessions.table", in: file, &problems) }
        if let table = messageTable {
            for (name, field) in Self.messageFields {
                Self.bind(&messages[keyPath: field], "messages.\(name)", to: table, &problems)
            }
            if sessions.table == nil {
                for (name, field) in Self.sessionFields {
                    Self.bind(&sessions[keyPath: field], "sessions.\(name)", to: table, &problems)
                }
            }
        }
        if let table = sessionTable {
            for (name, field) in Self.sessionFields {
                Self.bind(&sessions[keyPath: field], "sessions.\(name)", to: table, &problems)
            }
        }
        guard problems.isEmpty, let messageTable else {
            throw .mappingDoesNotFit(reason: problems.joined(separator: "; "))
        }
        let numberedMessages = try await file.numbered(messageTable)
        try await Self.checkUnique(messages.id, in: numberedMessages, of: file)
        var numberedSessions: SourceTable?
        if let sessionTable { numberedSessions = try await file.numbered(sessionTable) }
        return MappedMapper(self, (sessions, messages), messages: numberedMessages, sessions: numberedSessions)
    }

    private static var messageFields: [(String, WritableKeyPath<Messages, Field>)] {
        [
            ("id", \.id), ("session", \.session), ("direction", \.direction), ("created_at", \.createdAt),
            ("text", \.text), ("sender", \.sender), ("type", \.type), ("attachments", \.attachments),
            ("request", \.request), ("status", \.status), ("metadata", \.metadata),
        ]
    }

    private static var sessionFields: [(String, WritableKeyPath<Sessions, Field>)] {
        [
            ("id", \.id), ("platform", \.platform), ("account", \.account), ("conversation", \.conversation),
            ("thread", \.thread), ("user", \.user), ("status", \.status), ("created_at", \.createdAt),
            ("last_activity", \.lastActivity), ("metadata", \.metadata),
        ]
    }

    private static func find(
        _ name: String, _ place: String, in file: SourceFile, _ problems: inout [String]
    ) -> SourceTable? {
        if let table = file.table(name) { return table }
        let names = file.tables.map(\.name)
        problems.append(
            "\(place): there is no table \(name), but \(names.isEmpty ? "none" : names.joined(separator: ", "))")
        return nil
    }

    /// Writes the columns of a field as the schema has them, so that statements can quote them.
    private static func bind(
        _ field: inout Field, _ place: String, to table: SourceTable, _ problems: inout [String]
    ) {
        for index in field.columns.indices {
            if let name = table.column(field.columns[index]) {
                field.columns[index] = name
            } else {
                let names = table.columns.map(\.name).joined(separator: ", ")
                problems.append("\(place): the table \(table.name) has no column \(field.columns[index]), but \(names)")
            }
        }
    }

    /// Ids that repeat would silently become one message, as when a platform counts messages in each chat anew.
    private static func checkUnique(
        _ id: Field, in table: SourceTable, of file: SourceFile
    ) async throws(ImportSourceError) {
        let primary = table.columns.filter { $0.keyPlace > 0 }.map(\.name)
        guard !id.columns.isEmpty, Set(id.columns) != Set(primary) || primary.isEmpty else { return }
        let key = SourceTable.key(id.columns)
        let found: SQLiteRows
        do throws(SQLiteError) {
            found = try await file.database.query(
                """
                SELECT k FROM (SELECT \(key) AS k FROM \(table.sql)) WHERE k IS NOT NULL
                GROUP BY k HAVING count(*) > 1 LIMIT 1
                """)
        } catch {
            throw file.translated(error)
        }
        guard case .text(let value)? = found.rows.first?.first else { return }
        throw .mappingDoesNotFit(
            reason: """
                messages.id: several rows of \(table.name) have the same \(id.columns.joined(separator: ", ")), as \(value); \
                name columns that tell them apart, as ["chat_id", "message_id"], or leave out messages.id
                """)
    }
}
