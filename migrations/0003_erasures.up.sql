-- Who was forgotten (`chatbridge forget`), by a keyed hash alone, so that loggers drop what still comes of them late.
CREATE TABLE erasures (
    -- Never given twice: loggers tell by the latest whether they know all.
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Of chance. Deleted with the last row that bears it, the hashes in receipts can be guessed by nobody any more.
    key bytea NOT NULL,
    -- HMAC-SHA-256 of platform, NUL, user.
    person bytea NOT NULL,
    erased_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

-- Who may write messages must be able to look here first, where loggers have a role of their own.
DO $$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = 'messages'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE 'GRANT SELECT ON erasures TO ' || grantee;
    END LOOP;
END $$;
