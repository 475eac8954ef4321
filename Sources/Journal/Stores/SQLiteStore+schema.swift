extension SQLiteStore {
    /// The changes of the schema in their order; `PRAGMA user_version` counts those applied.
    ///
    /// They mirror `migrations/`, but need not have its numbers. One that was released is never changed.
    static let schema = [
        // 0001_sessions_and_messages. The CHECKs on JSON refuse what Postgres's jsonb refuses.
        """
        CREATE TABLE sessions (
            id TEXT PRIMARY KEY NOT NULL,
            platform TEXT NOT NULL,
            account TEXT NOT NULL DEFAULT 'default',
            platform_conversation_id TEXT NOT NULL,
            user_id TEXT,
            status TEXT NOT NULL CHECK (status IN ('active', 'closed')),
            created_at TEXT NOT NULL,
            last_activity TEXT NOT NULL,
            metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata))
        ) WITHOUT ROWID;
        CREATE INDEX sessions_platform_conversation ON sessions (platform, platform_conversation_id);

        CREATE TABLE messages (
            id TEXT PRIMARY KEY NOT NULL,
            session_id TEXT NOT NULL REFERENCES sessions,
            direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
            sender_id TEXT,
            content_text TEXT,
            content_type TEXT NOT NULL,
            attachments TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(attachments)),
            created_at TEXT NOT NULL,
            mastra_request_id TEXT,
            status TEXT NOT NULL
                CHECK (status IN ('received', 'sent', 'delivered', 'read', 'failed', 'edited', 'deleted')),
            metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata))
        );
        CREATE INDEX messages_session_created ON messages (session_id, created_at);
        """,
        // 0002_sessions_by_activity.
        "CREATE INDEX sessions_activity ON sessions (last_activity, id)",
        // 0003_erasures.
        """
        CREATE TABLE erasures (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            key BLOB NOT NULL,
            person BLOB NOT NULL,
            erased_at TEXT NOT NULL,
            expires_at TEXT NOT NULL
        )
        """,
    ]
}
