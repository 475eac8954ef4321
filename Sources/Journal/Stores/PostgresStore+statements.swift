package import BridgeCore
package import Postgres

extension PostgresStore {
    /// What a batch becomes on its way to Postgres, with all parameters in binary.
    ///
    /// There are no receipts among the jobs: the logger has resolved them.
    package static func statements(for jobs: [LogJob]) -> [PostgresStatement] {
        statements(for: JournalRows(jobs[...]))
    }

    static func statements(for rows: JournalRows) -> [PostgresStatement] {
        var statements: [PostgresStatement] = []
        if !rows.sessions.isEmpty { statements.append(upsert(rows.sessions)) }
        if !rows.messages.isEmpty { statements.append(insert(rows.messages)) }
        if !rows.changes.isEmpty { statements.append(update(rows.changes)) }
        return statements
    }

    /// One row for each session, in the order of the ids: the order in which loggers lock them.
    ///
    /// The first news of a session makes it, at the time of its earliest message; later news move its activity forward and
    /// fill in what was not known.
    static func upsert(_ sessions: [JournalRows.Session]) -> PostgresStatement {
        var ids = PostgresArrayBuilder(.uuid, capacity: sessions.count)
        var platforms = PostgresArrayBuilder(.text, capacity: sessions.count)
        var accounts = PostgresArrayBuilder(.text, capacity: sessions.count)
        var conversations = PostgresArrayBuilder(.text, capacity: sessions.count)
        var users = PostgresArrayBuilder(.text, capacity: sessions.count)
        var firsts = PostgresArrayBuilder(.timestamptz, capacity: sessions.count)
        var lasts = PostgresArrayBuilder(.timestamptz, capacity: sessions.count)
        var metadata = PostgresArrayBuilder(.jsonb, capacity: sessions.count)
        for session in sessions {
            ids.append(session.id.postgres)
            platforms.append(session.platform)
            accounts.append(session.account)
            conversations.append(session.conversation)
            users.append(session.user)
            firsts.append(microsecondsSinceUnixEpoch: session.first.microseconds)
            lasts.append(microsecondsSinceUnixEpoch: session.last.microseconds)
            metadata.append(json: session.metadata)
        }
        return PostgresStatement(
            """
            INSERT INTO sessions AS s (id, platform, account, platform_conversation_id, user_id, status, created_at,
                                       last_activity, metadata)
            SELECT i, p, a, c, u, 'active', f, l, m
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                        $7::timestamptz[], $8::jsonb[]) AS r (i, p, a, c, u, f, l, m)
            ORDER BY i
            ON CONFLICT (id) DO UPDATE
            SET last_activity = greatest(s.last_activity, excluded.last_activity),
                created_at = least(s.created_at, excluded.created_at),
                user_id = coalesce(s.user_id, excluded.user_id),
                metadata = s.metadata || excluded.metadata
            """,
            [
                .array(ids.finish()), .array(platforms.finish()), .array(accounts.finish()),
                .array(conversations.finish()), .array(users.finish()), .array(firsts.finish()),
                .array(lasts.finish()), .array(metadata.finish()),
            ])
    }

    /// All messages at once; one that is there already stays as it is.
    static func insert(_ messages: [LogMessage]) -> PostgresStatement {
        var ids = PostgresArrayBuilder(.uuid, capacity: messages.count)
        var sessions = PostgresArrayBuilder(.uuid, capacity: messages.count)
        var directions = PostgresArrayBuilder(.text, capacity: messages.count)
        var senders = PostgresArrayBuilder(.text, capacity: messages.count)
        var texts = PostgresArrayBuilder(.text, capacity: messages.count * 5)
        var types = PostgresArrayBuilder(.text, capacity: messages.count)
        var attachments = PostgresArrayBuilder(.jsonb, capacity: messages.count)
        var times = PostgresArrayBuilder(.timestamptz, capacity: messages.count)
        var requests = PostgresArrayBuilder(.text, capacity: messages.count * 2)
        var statuses = PostgresArrayBuilder(.text, capacity: messages.count)
        var metadata = PostgresArrayBuilder(.jsonb, capacity: messages.count * 2)
        for message in messages {
            ids.append(message.id.postgres)
            sessions.append(message.session.id.postgres)
            directions.append(message.direction.rawValue)
            senders.append(message.sender)
            texts.append(message.text)
            types.append(message.type)
            attachments.append(json: message.attachments)
            times.append(microsecondsSinceUnixEpoch: message.at.microseconds)
            requests.append(message.request)
            statuses.append(message.status.rawValue)
            metadata.append(json: message.metadata)
        }
        return PostgresStatement(
            """
            INSERT INTO messages (id, session_id, direction, sender_id, content_text, content_type, attachments,
                                  created_at, mastra_request_id, status, metadata)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
                                 $8::timestamptz[], $9::text[], $10::text[], $11::jsonb[])
            ON CONFLICT (id) DO NOTHING
            """,
            [
                .array(ids.finish()), .array(sessions.finish()), .array(directions.finish()),
                .array(senders.finish()), .array(texts.finish()), .array(types.finish()),
                .array(attachments.finish()), .array(times.finish()), .array(requests.finish()),
                .array(statuses.finish()), .array(metadata.finish()),
            ])
    }

    /// Moves statuses forward, never back, and merges metadata; returns the ids of the messages that are there.
    ///
    /// News of a lower rank than the message's own came late: they add what was not known and change nothing else. The rows
    /// are locked in the order of their ids first.
    static func update(_ changes: [JournalRows.StatusChange]) -> PostgresStatement {
        var ids = PostgresArrayBuilder(.uuid, capacity: changes.count)
        var statuses = PostgresArrayBuilder(.text, capacity: changes.count)
        var metadata = PostgresArrayBuilder(.jsonb, capacity: changes.count)
        for change in changes {
            ids.append(change.id.postgres)
            statuses.append(change.status.rawValue)
            metadata.append(json: change.metadata)
        }
        return PostgresStatement(
            """
            WITH news AS (
                SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[]) AS n (id, status, metadata)
            ), locked AS MATERIALIZED (
                SELECT m.id FROM messages AS m WHERE m.id = ANY ($1::uuid[]) ORDER BY m.id FOR NO KEY UPDATE
            )
            UPDATE messages AS m
            SET status = CASE WHEN \(rank("n.status")) > \(rank("m.status")) THEN n.status ELSE m.status END,
                metadata = CASE WHEN \(rank("n.status")) >= \(rank("m.status")) THEN m.metadata || n.metadata
                                ELSE n.metadata || m.metadata END
            FROM news AS n JOIN locked USING (id)
            WHERE m.id = n.id
            RETURNING m.id
            """,
            [.array(ids.finish()), .array(statuses.finish()), .array(metadata.finish())])
    }

    /// SQL for the rank of a status; made of ``MessageStatus/rank`` so that there is one order and not two.
    private static func rank(_ column: String) -> String {
        let names = MessageStatus.allCases.sorted { $0.rank < $1.rank }.map { "'\($0.rawValue)'" }
        return "array_position(ARRAY[\(names.joined(separator: ", "))], \(column))"
    }
}
