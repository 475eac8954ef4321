internal import BridgeCore
internal import JSON

/// A person's rows of the database: their sessions, and what they have said in those of many.
package struct PersonRows: Sendable {
    /// One session that they took part in.
    package struct Session: Sendable {
        let id: String
        let account: String
        let conversation: String
        let thread: String?
        /// Nobody but them took part: all of it is theirs, answers included.
        let isOwn: Bool
    }

    let person: Person
    let archive: any Archive
    /// Rows of a statement: short enough to hold nobody up.
    static let batch = 500

    /// The sessions that they took part in, oldest first.
    func sessions() async throws(RetentionError) -> [Session] {
        let dialect = archive.dialect
        let group = dialect.isTrue("m.metadata", "group")
        return try await archive.rows(
            """
            SELECT CAST(s.id AS text) AS id, s.account AS account, s.platform_conversation_id AS conversation,
                   \(dialect.member("s.metadata", "thread")) AS thread,
                   CASE WHEN s.user_id <> $2 OR EXISTS (
                       SELECT 1 FROM messages m WHERE m.session_id = s.id AND m.direction = 'inbound'
                           AND (m.sender_id <> $2 OR \(group))
                   ) THEN 'no' ELSE 'yes' END AS own
            FROM sessions s
            WHERE s.platform = $1
              AND (s.user_id = $2 OR s.id IN (SELECT session_id FROM messages WHERE sender_id = $2))
            ORDER BY s.created_at, s.id
            """, [person.platform, person.user]
        ).map { row in
            Session(
                id: row[0] ?? "", account: row[1] ?? "default", conversation: row[2] ?? "", thread: row[3],
                isOwn: row[4] == "yes")
        }
    }

    /// The ids of what they said in a session of many, and of the answers to it.
    func messages(inGroup session: String) async throws(RetentionError) -> [String] {
        let dialect = archive.dialect
        let said = try await archive.rows(
            """
            SELECT CAST(id AS text) AS id FROM messages
            WHERE session_id = \(dialect.id("$1")) AND sender_id = $2 ORDER BY created_at, id
            """, [session, person.user]
        ).compactMap { $0[0] }
        var answers: [String] = []
        for start in stride(from: 0, to: said.count, by: Self.batch) {
            let part = Array(said[start..<min(start + Self.batch, said.count)])
            answers += try await archive.rows(
                """
                SELECT CAST(id AS text) AS id FROM messages
                WHERE session_id = \(dialect.id("$1")) AND direction = 'outbound'
                  AND \(dialect.member("metadata", "in_reply_to")) \(dialect.isText(of: "$2"))
                ORDER BY created_at, id
                """, [session, dialect.list(part)]
            ).compactMap { $0[0] }
        }
        return said + answers
    }

    /// The names that they had in a session.
    func names() async throws(RetentionError) -> Set<String> {
        let name = archive.dialect.member("m.metadata", "sender_name")
        let rows = try await archive.rows(
            """
            SELECT DISTINCT \(name) AS name FROM messages m JOIN sessions s ON s.id = m.session_id
            WHERE s.platform = $1 AND m.sender_id = $2 AND \(name) IS NOT NULL
            """, [person.platform, person.user])
        return Set(rows.compactMap { $0[0] })
    }

    /// The next messages of a session after one, in the order of their ids.
    func ids(in session: String, after last: String) async throws(RetentionError) -> [String] {
        let dialect = archive.dialect
        return try await archive.rows(
            """
            SELECT CAST(id AS text) AS id FROM messages
            WHERE session_id = \(dialect.id("$1")) AND id > \(dialect.id("$2")) ORDER BY id LIMIT \(Self.batch)
            """, [session, last]
        ).compactMap { $0[0] }
    }

    /// The least id.
    static let firstID = "00000000-0000-0000-0000-000000000000"

    /// The objects that the attachments of these messages are kept as.
    func objects(of ids: [String]) async throws(RetentionError) -> [(bucket: String, key: String)] {
        let rows = try await archive.rows(
            """
            SELECT CAST(attachments AS text) AS attachments FROM messages
            WHERE id \(archive.dialect.isOne(of: "$1")) AND CAST(attachments AS text) LIKE '%"key"%'
            """, [archive.dialect.list(ids)])
        return Self.objects(in: rows)
    }

    /// Those of these messages that came after a time with files of which no copy is told yet: one may be made just now.
    func uncopied(_ ids: [String], since time: Timestamp) async throws(RetentionError) -> Set<String> {
        let rows = try await archive.rows(
            """
            SELECT CAST(id AS text) AS id, CAST(attachments AS text) AS attachments FROM messages
            WHERE id \(archive.dialect.isOne(of: "$1")) AND direction = 'inbound'
              AND created_at > \(archive.dialect.time("$2")) AND CAST(attachments AS text) <> '[]'
            """, [archive.dialect.list(ids), time.description])
        return Set(
            rows.compactMap { row in
                guard let view = row[1].flatMap({ try? JSONView(parsing: $0) }),
                    view.elements.contains(where: { !$0["stored"].exists })
                else { return nil }
                return row[0]
            })
    }

    /// Those of these messages with attachments of which no copy is told, with what the keys of copies are made of.
    func unannounced(_ ids: [String]) async throws(RetentionError) -> [(
        message: UUID, platform: String, account: String
    )] {
        let rows = try await archive.rows(
            """
            SELECT CAST(m.id AS text) AS id, s.platform AS platform, s.account AS account,
                   CAST(m.attachments AS text) AS attachments
            FROM messages m JOIN sessions s ON s.id = m.session_id
            WHERE m.id \(archive.dialect.isOne(of: "$1")) AND m.direction = 'inbound'
              AND CAST(m.attachments AS text) <> '[]'
            """, [archive.dialect.list(ids)])
        return rows.compactMap { row in
            guard let id = row[0].flatMap({ UUID($0) }), let platform = row[1], let account = row[2],
                let view = row[3].flatMap({ try? JSONView(parsing: $0) }),
                view.elements.contains(where: { $0["stored"].kind != .object })
            else { return nil }
            return (id, platform, account)
        }
    }

    /// The objects of all messages of a table from before a time.
    func objects(inTable table: String, before time: Timestamp) async throws(RetentionError) -> [(
        bucket: String, key: String
    )] {
        Self.objects(
            in: try await archive.rows(
                """
                SELECT CAST(attachments AS text) AS attachments FROM \(table)
                WHERE created_at < \(archive.dialect.time("$1")) AND CAST(attachments AS text) LIKE '%"key"%'
                """, [time.description]))
    }

    private static func objects(in rows: [[String?]]) -> [(bucket: String, key: String)] {
        var objects: [(String, String)] = []
        for row in rows {
            guard let view = row[0].flatMap({ try? JSONView(parsing: $0) }) else { continue }
            for attachment in view.elements {
                let stored = attachment["stored"]
                guard let bucket = stored["bucket"].string, let key = stored["key"].string else { continue }
                objects.append((bucket, key))
            }
        }
        return objects
    }
}
