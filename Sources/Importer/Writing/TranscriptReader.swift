internal import BridgeCore
internal import Journal
internal import Postgres

/// Reads transcripts from Postgres, a piece at a time.
struct TranscriptReader: Sendable {
    private let connection: PostgresConnection

    init(configuration: PostgresConfiguration) {
        connection = PostgresConnection(configuration: configuration)
    }

    func close() async {
        await connection.close()
    }

    private static let columns = """
        m.id, m.session_id, m.direction, m.sender_id, m.content_text, m.content_type, m.attachments, m.created_at,
        m.mastra_request_id, m.status, m.metadata
        """

    /// Who was forgotten.
    func erasures() async throws(PostgresError) -> Erasures {
        try await connection.erasures()
    }

    /// The rows of sessions, by their ids.
    func sessions(_ ids: [UUID]) async throws(PostgresError) -> [UUID: ImportedSession] {
        let rows = try await connection.query(
            """
            SELECT id, platform, account, platform_conversation_id, user_id, status, created_at, last_activity, metadata
            FROM sessions WHERE id = ANY ($1::uuid[])
            """, [.uuids(ids)])
        var sessions: [UUID: ImportedSession] = [:]
        for index in 0..<rows.count {
            let row = rows[index]
            guard let id = try row.id("id") else { continue }
            sessions[id] = ImportedSession(
                id: id, platform: try row.text("platform") ?? "", account: try row.text("account") ?? "",
                conversation: try row.text("platform_conversation_id") ?? "", user: try row.text("user_id"),
                status: try row.text("status") ?? "", createdAt: try row.time("created_at"),
                lastActivity: try row.time("last_activity"), metadata: try row.json("metadata") ?? [])
        }
        return sessions
    }

    /// What the transcripts of these sessions come to, up to the last message that the source has of each.
    ///
    /// By a cursor: two thousand rows are in memory at a time.
    ///
    /// - Returns: the digests, and the number of messages that are later.
    func digests(
        like digests: [TranscriptDigest]
    ) async throws(PostgresError) -> (found: [UUID: TranscriptDigest], later: Int) {
        let ids = PostgresValue.uuids(digests.map(\.session))
        var builder = PostgresArrayBuilder(.timestamptz, capacity: digests.count)
        for digest in digests { builder.append(microsecondsSinceUnixEpoch: digest.last?.microseconds ?? 0) }
        let lasts = PostgresValue.array(builder.finish())
        return try await connection.transaction { transaction throws(PostgresError) in
            let later = try transaction.query(
                """
                SELECT count(*) AS n FROM unnest($1::uuid[], $2::timestamptz[]) AS s (id, last)
                JOIN messages AS m ON m.session_id = s.id AND m.created_at > s.last
                """, [ids, lasts])
            _ = try transaction.query(
                """
                DECLARE transcripts NO SCROLL CURSOR FOR
                SELECT \(Self.columns) FROM unnest($1::uuid[], $2::timestamptz[]) AS s (id, last)
                JOIN messages AS m ON m.session_id = s.id AND m.created_at <= s.last
                ORDER BY m.session_id, m.created_at, m.id
                """, [ids, lasts])
            var found: [UUID: TranscriptDigest] = [:]
            var open: TranscriptDigest?
            while true {
                let rows = try transaction.query("FETCH 2000 FROM transcripts")
                for index in 0..<rows.count {
                    guard let message = try rows[index].message() else { continue }
                    if var digest = open, digest.session != message.session.id {
                        digest.close()
                        found[digest.session] = digest
                        open = nil
                    }
                    if open == nil { open = TranscriptDigest(session: message.session.id) }
                    open?.add(message)
                }
                if rows.count == 0 { break }
            }
            if let open { found[open.session] = open }
            return (found, try later.first?.int("n") ?? 0)
        }
    }

    /// Messages by their ids.
    func messages(_ ids: [UUID]) async throws(PostgresError) -> [UUID: LogMessage] {
        let rows = try await connection.query(
            "SELECT \(Self.columns) FROM messages AS m WHERE m.id = ANY ($1::uuid[])", [.uuids(ids)])
        var messages: [UUID: LogMessage] = [:]
        for index in 0..<rows.count {
            if let message = try rows[index].message() { messages[message.id] = message }
        }
        return messages
    }

    /// The beginning of a transcript.
    func head(of session: UUID, limit: Int32) async throws(PostgresError) -> [LogMessage] {
        let rows = try await connection.query(
            "SELECT \(Self.columns) FROM messages AS m WHERE m.session_id = $1 ORDER BY m.created_at, m.id LIMIT $2::int4",
            [.uuid(session.postgres), .int4(limit)])
        var messages: [LogMessage] = []
        for index in 0..<rows.count {
            if let message = try rows[index].message() { messages.append(message) }
        }
        return messages
    }

    /// The messages of a session up to a time, in the order of the transcript.
    func ids(in session: UUID, until time: Timestamp) async throws(PostgresError) -> [UUID] {
        let rows = try await connection.query(
            "SELECT id FROM messages WHERE session_id = $1 AND created_at <= $2 ORDER BY created_at, id",
            [.uuid(session.postgres), .timestamptz(microsecondsSinceUnixEpoch: time.microseconds)])
        var ids: [UUID] = []
        for index in 0..<rows.count { if let id = try rows[index].id("id") { ids.append(id) } }
        return ids
    }

    /// How a message of the source is in the database.
    enum Comparison: Sendable, Equatable {
        case same
        /// News of it have come since: its status went forward, its metadata grew.
        case movedOn
        /// These columns have other values.
        case different([String])
    }

    func comparison(of message: LogMessage, with row: LogMessage) async throws(PostgresError) -> Comparison {
        let columns = zip(TranscriptDigest.columns(of: message), TranscriptDigest.columns(of: row))
        var different = columns.filter { $0.value != $1.value }.map { $0.0.name }
        var movedOn = false
        if let place = different.firstIndex(of: "attachments") {
            // Our own canonical form does not know numbers beyond 64 bits; the database has the last word.
            let equal = try await connection.query(
                "SELECT $1::jsonb = $2::jsonb AS yes", [.jsonb(message.attachments), .jsonb(row.attachments)])
            if try equal.first?.bool("yes") == true { different.remove(at: place) }
        }
        let isForward = row.status.rank > message.status.rank
        if let place = different.firstIndex(of: "metadata") {
            let relation = try await connection.query(
                """
                SELECT $1::jsonb = $2::jsonb AS equal, $2::jsonb @> $1::jsonb AS grown,
                       ARRAY(SELECT jsonb_object_keys($1::jsonb)) <@ ARRAY(SELECT jsonb_object_keys($2::jsonb)) AS kept
                """, [.jsonb(message.metadata), .jsonb(row.metadata)])
            let (equal, grown) = (try relation.first?.bool("equal"), try relation.first?.bool("grown"))
            // News of a new status may also replace what was there.
            let kept = isForward ? try relation.first?.bool("kept") : false
            if equal == true || grown == true || kept == true { different.remove(at: place) }
            movedOn = equal != true
        }
        if isForward, let place = different.firstIndex(of: "status") {
            different.remove(at: place)
            movedOn = true
        }
        if !different.isEmpty { return .different(different) }
        return movedOn ? .movedOn : .same
    }
}

extension PostgresRow {
    fileprivate func id(_ column: String) throws(PostgresError) -> UUID? {
        try uuid(column).map { UUID(high: $0.high, low: $0.low) }
    }

    fileprivate func time(_ column: String) throws(PostgresError) -> Timestamp {
        Timestamp(microseconds: try microsecondsSinceUnixEpoch(column) ?? 0)
    }

    /// A row of `messages`; of its session the id alone.
    fileprivate func message() throws(PostgresError) -> LogMessage? {
        guard let id = try id("id"), let session = try self.id("session_id"),
            let direction = try text("direction").flatMap(LogMessage.Direction.init(rawValue:)),
            let status = try text("status").flatMap(MessageStatus.init(rawValue:))
        else { return nil }
        return LogMessage(
            id: id, at: try time("created_at"), session: .init(id: session, platform: "", conversation: ""),
            direction: direction, sender: try text("sender_id"), type: try text("content_type") ?? "",
            text: try text("content_text"), attachments: try json("attachments") ?? [],
            request: try text("mastra_request_id"), status: status, metadata: try json("metadata") ?? [])
    }
}

extension ImportedSession {
    /// The session with everything replaced that a database cannot hold.
    var storable: ImportedSession {
        var session = self
        session.platform = StorableText.storable(platform)
        session.account = StorableText.storable(account)
        session.conversation = StorableText.storable(conversation)
        session.user = user.map(StorableText.storable)
        return session
    }
}
