-- name: active session
SELECT id FROM sessions
WHERE platform = $1 AND platform_conversation_id = $2 AND account = $3
  AND metadata ->> 'thread' IS NOT DISTINCT FROM $4
  AND status = 'active' AND last_activity >= $5
ORDER BY last_activity DESC, id DESC LIMIT 1;

-- name: check erasures
SELECT 1 / (SELECT CASE WHEN coalesce(max(number), 0) = $1 THEN 1 ELSE 0 END FROM erasures) AS known;

-- name: copy messages
COPY messages (id, session_id, direction, sender_id, content_text, content_type, attachments, created_at, mastra_request_id,
status, metadata) FROM STDIN (FORMAT binary);

-- name: insert messages
INSERT INTO messages (id, session_id, direction, sender_id, content_text, content_type, attachments, created_at, mastra_request_id,
status, metadata)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
                     $8::timestamptz[], $9::text[], $10::text[], $11::jsonb[])
ON CONFLICT (id) DO NOTHING;

-- name: messages of a receipt
SELECT m.id
FROM sessions AS s JOIN messages AS m ON m.session_id = s.id
WHERE s.platform = $1 AND s.platform_conversation_id = $2 AND s.account = $3
  AND s.last_activity > $6::timestamptz - interval '7 days'
  AND m.created_at BETWEEN $6::timestamptz - interval '7 days' AND $6 AND m.direction = 'outbound'
  AND (m.metadata ->> 'message_id' = ANY ($4::text[]) OR m.metadata -> 'message_ids' ?| $4::text[]
       OR m.status IN ('sent', 'delivered') AND m.created_at <= $5::timestamptz);

-- name: ping
SELECT FROM sessions, messages LIMIT 0;

-- name: read erasures
SELECT number, key, person, erased_at FROM erasures ORDER BY number;

-- name: update statuses
WITH news AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[])
        AS n (id, status, metadata, stored)
), locked AS MATERIALIZED (
    SELECT m.id FROM messages AS m WHERE m.id = ANY ($1::uuid[]) ORDER BY m.id FOR NO KEY UPDATE
)
UPDATE messages AS m
SET status = CASE WHEN array_position(ARRAY['received', 'sent', 'delivered', 'read', 'failed', 'edited', 'deleted'], n.status) > array_position(ARRAY['received', 'sent', 'delivered', 'read', 'failed', 'edited', 'deleted'], m.status) THEN n.status ELSE m.status END,
    metadata = CASE WHEN array_position(ARRAY['received', 'sent', 'delivered', 'read', 'failed', 'edited', 'deleted'], n.status) >= array_position(ARRAY['received', 'sent', 'delivered', 'read', 'failed', 'edited', 'deleted'], m.status) THEN m.metadata || n.metadata
                    ELSE n.metadata || m.metadata END,
    attachments = CASE WHEN n.stored = '{}' OR jsonb_typeof(m.attachments) <> 'array' THEN m.attachments
                       ELSE coalesce((SELECT jsonb_agg(CASE WHEN jsonb_typeof(a) = 'object'
                                     AND jsonb_typeof(n.stored -> (place - 1)::text) = 'object'
                                THEN a || jsonb_build_object('stored', n.stored -> (place - 1)::text)
                                ELSE a END ORDER BY place)
          FROM jsonb_array_elements(m.attachments) WITH ORDINALITY AS e (a, place)), '[]') END
FROM news AS n JOIN locked USING (id)
WHERE m.id = n.id
RETURNING m.id;

-- name: upsert sessions
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
    metadata = s.metadata || excluded.metadata;
