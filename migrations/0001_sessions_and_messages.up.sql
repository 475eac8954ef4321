-- The two tables that the logger writes and people read: who speaks where (sessions), and what was said (messages).
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    platform text NOT NULL,
    account text NOT NULL DEFAULT 'default',
    platform_conversation_id text NOT NULL,
    user_id text,
    status text NOT NULL CHECK (status IN ('active', 'closed')),
    created_at timestamptz NOT NULL,
    last_activity timestamptz NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX sessions_platform_conversation ON sessions (platform, platform_conversation_id);

CREATE TABLE messages (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions,
    direction text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    sender_id text,
    content_text text,
    -- No CHECK: platforms invent kinds, and a message is never lost for one.
    content_type text NOT NULL,
    attachments jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    mastra_request_id text,
    status text NOT NULL
        CHECK (status IN ('received', 'sent', 'delivered', 'read', 'failed', 'edited', 'deleted')),
    metadata jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX messages_session_created ON messages (session_id, created_at);
