internal import BridgeCore
internal import Journal
internal import Postgres

/// Sessions of a source as rows of ours, by the rules that the journal has for news of a session.
enum SessionUpsert {
    /// Writes sessions in the order of their ids, as loggers do, so that no two lock each other out.
    ///
    /// A session that is there already keeps what it has: its times are widened, an unknown user is filled in, metadata
    /// that it lacks is added. Nothing is written where nothing changes. Each row returned is one that was written;
    /// `inserted` says whether it is new.
    static func statement(_ sessions: [ImportedSession]) -> PostgresStatement {
        var sessions = sessions.sorted { $0.id < $1.id }
        var last: UUID?
        sessions.removeAll { session in
            defer { last = session.id }
            return session.id == last
        }
        var ids = PostgresArrayBuilder(.uuid, capacity: sessions.count)
        var platforms = PostgresArrayBuilder(.text, capacity: sessions.count)
        var accounts = PostgresArrayBuilder(.text, capacity: sessions.count)
        var conversations = PostgresArrayBuilder(.text, capacity: sessions.count)
        var users = PostgresArrayBuilder(.text, capacity: sessions.count)
        var statuses = PostgresArrayBuilder(.text, capacity: sessions.count)
        var firsts = PostgresArrayBuilder(.timestamptz, capacity: sessions.count)
        var lasts = PostgresArrayBuilder(.timestamptz, capacity: sessions.count)
        var metadata = PostgresArrayBuilder(.jsonb, capacity: sessions.count)
        for session in sessions {
            ids.append(session.id.postgres)
            platforms.append(StorableText.storable(session.platform))
            accounts.append(StorableText.storable(session.account))
            conversations.append(StorableText.storable(session.conversation))
            users.append(session.user.map(StorableText.storable))
            statuses.append(session.status)
            firsts.append(microsecondsSinceUnixEpoch: session.createdAt.microseconds)
            lasts.append(microsecondsSinceUnixEpoch: session.lastActivity.microseconds)
            metadata.append(json: StorableText.repaired(json: session.metadata) ?? session.metadata)
        }
        return PostgresStatement(
            """
            INSERT INTO sessions AS s (id, platform, account, platform_conversation_id, user_id, status, created_at,
                                       last_activity, metadata)
            SELECT i, p, a, c, u, t, f, l, m
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                        $8::timestamptz[], $9::jsonb[]) AS r (i, p, a, c, u, t, f, l, m)
            ORDER BY i
            ON CONFLICT (id) DO UPDATE
            SET last_activity = greatest(s.last_activity, excluded.last_activity),
                created_at = least(s.created_at, excluded.created_at),
                user_id = coalesce(s.user_id, excluded.user_id),
                metadata = excluded.metadata || s.metadata
            WHERE excluded.last_activity > s.last_activity OR excluded.created_at < s.created_at
               OR s.user_id IS NULL AND excluded.user_id IS NOT NULL
               OR excluded.metadata || s.metadata <> s.metadata
            RETURNING xmax = 0 AS inserted
            """,
            [
                .array(ids.finish()), .array(platforms.finish()), .array(accounts.finish()),
                .array(conversations.finish()), .array(users.finish()), .array(statuses.finish()),
                .array(firsts.finish()), .array(lasts.finish()), .array(metadata.finish()),
            ])
    }
}

extension PostgresValue {
    /// Identifiers as one parameter.
    static func uuids(_ ids: some Collection<UUID>) -> PostgresValue {
        var builder = PostgresArrayBuilder(.uuid, capacity: ids.count)
        for id in ids { builder.append(id.postgres) }
        return .array(builder.finish())
    }
}
