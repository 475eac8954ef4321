internal import BridgeCore
package import Postgres

extension PostgresStore {
    /// What a claim becomes on its way to Postgres, from the JSON of its jobs to parameters in binary.
    ///
    /// - Throws: `LogJob.DecodingError`; there must be no receipts among the jobs, which take a look into the database.
    package static func statements(for jobs: [[UInt8]]) throws -> [PostgresStatement] {
        var batch = JournalBatch(takesRows: true, for: jobs)
        for job in jobs { try batch.append(job) }
        return statements(for: PostgresBatch(batch), knowing: 0)
    }

    static func statements(for batch: PostgresBatch, knowing number: Int64) -> [PostgresStatement] {
        var statements: [PostgresStatement] = []
        if !batch.sessions.isEmpty { statements += [upsert(batch.sessions), check(number)] }
        if !batch.messages.isEmpty { statements.append(insert(batch.messages)) }
        if !batch.changes.isEmpty { statements.append(update(batch.changes)) }
        return statements
    }

    /// One row for each session, in the order of the ids: the order in which loggers lock them.
    ///
    /// The first news of a session makes it, at the time of its earliest message; later news move its activity forward and
    /// fill in what was not known.
    static func upsert(_ sessions: [SessionTable.Session]) -> PostgresStatement {
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
    package static func insert(_ messages: MessageRows) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO messages (\(MessageRows.columns))
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
                                 $8::timestamptz[], $9::text[], $10::text[], $11::jsonb[])
            ON CONFLICT (id) DO NOTHING
            """, messages.rows.arrays(MessageRows.types).map { .array($0) })
    }

    /// Moves statuses forward, never back, and merges metadata; returns the ids of the messages that are there.
    ///
    /// News of a lower rank than the message's own came late: they add what was not known and change nothing else. News of stored
    /// attachments count whatever the rank. The rows are locked in the order of their ids first.
    static func update(_ changes: [StatusChanges.Change]) -> PostgresStatement {
        var ids = PostgresArrayBuilder(.uuid, capacity: changes.count)
        var statuses = PostgresArrayBuilder(.text, capacity: changes.count)
        var metadata = PostgresArrayBuilder(.jsonb, capacity: changes.count)
        var stored = PostgresArrayBuilder(.jsonb, capacity: changes.count)
        for change in changes {
            ids.append(change.id.postgres)
            statuses.append(change.status.rawValue)
            metadata.append(json: change.metadata)
            stored.append(json: change.stored)
        }
        return PostgresStatement(
            """
            WITH news AS (
                SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[])
                    AS n (id, status, metadata, stored)
            ), locked AS MATERIALIZED (
                SELECT m.id FROM messages AS m WHERE m.id = ANY ($1::uuid[]) ORDER BY m.id FOR NO KEY UPDATE
            )
            UPDATE messages AS m
            SET status = CASE WHEN \(rank("n.status")) > \(rank("m.status")) THEN n.status ELSE m.status END,
                metadata = CASE WHEN \(rank("n.status")) >= \(rank("m.status")) THEN m.metadata || n.metadata
                                ELSE n.metadata || m.metadata END,
                attachments = CASE WHEN n.stored = '{}' OR jsonb_typeof(m.attachments) <> 'array' THEN m.attachments
                                   ELSE \(withStored) END
            FROM news AS n JOIN locked USING (id)
            WHERE m.id = n.id
            RETURNING m.id
            """,
            [
                .array(ids.finish()), .array(statuses.finish()), .array(metadata.finish()),
                .array(stored.finish()),
            ])
    }

    /// The attachments of `m` with what `n` tells of each, as ``StoredAttachments`` has it.
    private static let withStored = """
        coalesce((SELECT jsonb_agg(CASE WHEN jsonb_typeof(a) = 'object'
                                             AND jsonb_typeof(n.stored -> (place - 1)::text) = 'object'
                                        THEN a || jsonb_build_object('stored', n.stored -> (place - 1)::text)
                                        ELSE a END ORDER BY place)
                  FROM jsonb_array_elements(m.attachments) WITH ORDINALITY AS e (a, place)), '[]')
        """

    /// SQL for the rank of a status; made of ``MessageStatus/rank`` so that there is one order and not two.
    private static func rank(_ column: String) -> String {
        let names = MessageStatus.allCases.sorted { $0.rank < $1.rank }.map { "'\($0.rawValue)'" }
        return "array_position(ARRAY[\(names.joined(separator: ", "))], \(column))"
    }
}
