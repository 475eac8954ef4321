internal import BridgeCore
public import Postgres

/// The table `messages` cut into months, by range of its ids: an option for those who keep many of them.
///
/// Ids are of version 7, so a range of them is a time, and the primary key stays `(id)`: a batch is written to a table with and
/// without partitions by the same statements. What was there before becomes one partition as it is, each month from then on has its
/// own, and DEFAULT takes what falls into none, as ids of other versions (rows that were imported) mostly do.
public struct MessagePartitions: Sendable {
    /// Why the table cannot be cut as it is, in words for the person who asked for it.
    public struct Refusal: Error, Sendable, CustomStringConvertible {
        /// What is in the way, and what to do.
        public let description: String
    }

    let configuration: PostgresConfiguration
    private static let defaultName = "messages_default"
    /// How often a lock that somebody else has is asked for, each time for ``lockTimeout``.
    private static let tries = 12
    private static let lockTimeout = "SET LOCAL lock_timeout = '5s'"
    /// What a change of the tables begins with: keeps migrations and other such changes out until its transaction ends (a
    /// session's lock would not do behind a pooler), and takes locks as loggers do, sessions first.
    static let begin = """
        \(lockTimeout);
        SELECT pg_advisory_xact_lock(hashtextextended('chatbridge migrations of ' || current_schema(), 0));
        LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE
        """

    /// The partitions of a database; nothing is connected yet.
    public init(on configuration: PostgresConfiguration) {
        var configuration = configuration
        configuration.statementTimeout = .zero
        self.configuration = configuration
    }

    /// Whether `messages` has partitions.
    public func isPartitioned() async throws -> Bool {
        try await connected { try await $0.isPartitioned() }
    }

    /// The partitions by the order of their ranges, DEFAULT at the end; none where the table is whole.
    public func list() async throws -> [MessagePartition] {
        try await connected { try await $0.partitions() }
    }

    /// Cuts the table: what is there becomes the partition of all ids up to the end of this month.
    ///
    /// One transaction that locks the table while it reads it once, and moves rows of later ids, as imported ones have, to
    /// DEFAULT: so long do loggers wait, and nobody else.
    ///
    /// - Returns: how many rows were moved to DEFAULT; nil when the table had partitions already.
    /// - Throws: ``Refusal`` where something hangs on the table that would be left on the old one; `PostgresError`.
    public func convert() async throws -> Int? {
        try await connected { connection in
            guard try await !connection.isPartitioned() else { return nil }
            let obstacles = try await connection.partitioningObstacles()
            guard obstacles.isEmpty else { throw Refusal(description: obstacles.joined(separator: "; ")) }
            guard let month = try await connection.months(from: 0, through: 0).first else { return nil }
            let old = "messages_until_\(month.name)"
            return try await retryingLocks {
                try await connection.transaction { transaction throws(PostgresError) -> Int? in
                    try transaction.simple(Self.begin)
                    // Somebody else may have been first.
                    let kind = try transaction.query(
                        "SELECT relkind::text AS kind FROM pg_class WHERE oid = to_regclass('messages')")
                    guard try kind.first?.text("kind") == "r" else { return nil }
                    try transaction.simple(
                        """
                        LOCK TABLE messages IN ACCESS EXCLUSIVE MODE;
                        ALTER TABLE messages RENAME TO \(old);
                        ALTER TABLE \(old) RENAME CONSTRAINT messages_pkey TO \(old)_pkey;
                        CREATE TABLE messages (
                            LIKE \(old) INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMMENTS
                        ) PARTITION BY RANGE (id);
                        ALTER TABLE messages ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
                        ALTER TABLE messages ADD CONSTRAINT messages_session_id_fkey
                            FOREIGN KEY (session_id) REFERENCES sessions;
                        \(Self.moveIndexes(of: old));
                        \(Self.moveRights(of: old));
                        CREATE TABLE \(Self.defaultName) PARTITION OF messages DEFAULT
                        """)
                    let moved = try transaction.query(
                        Self.move(from: old, to: Self.defaultName, where: "id >= $1"), [.uuid(month.upper.postgres)]
                    ).affected
                    try transaction.simple(
                        "ALTER TABLE messages ATTACH PARTITION \(old) FOR VALUES FROM (MINVALUE) TO ('\(month.upper)')")
                    return moved
                }
            }
        }
    }

    /// Makes the partitions of this month and so many after it; what DEFAULT holds of them moves there.
    ///
    /// - Returns: the names of those that were made; none where the table is whole.
    public func makeAhead(_ count: Int) async throws -> [String] {
        try await connected { connection in
            guard try await connection.isPartitioned() else { return [] }
            let months = try await connection.months(from: 0, through: count)
            let partitions = try await connection.partitions()
            var made: [String] = []
            for month in months where !partitions.contains(where: { $0.covers(month) }) {
                let name = "messages_\(month.name)"
                let rest = partitions.first(where: \.isDefault)?.name
                let isOurs = try await retryingLocks {
                    try await connection.transaction { transaction throws(PostgresError) -> Bool in
                        try transaction.simple(Self.begin)
                        let found = try transaction.query("SELECT to_regclass($1)::text AS name", [.text(name)])
                        guard try found.first?.isNull("name") == true else { return false }
                        try transaction.simple(
                            """
                            CREATE TABLE \(name) (
                                LIKE messages INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE
                            )
                            """)
                        if let rest {
                            try transaction.simple("LOCK TABLE \(rest) IN ACCESS EXCLUSIVE MODE")
                            _ = try transaction.query(
                                Self.move(from: rest, to: name, where: "id >= $1 AND id < $2"),
                                [.uuid(month.lower.postgres), .uuid(month.upper.postgres)])
                        }
                        try transaction.simple(
                            """
                            ALTER TABLE messages ATTACH PARTITION \(name)
                                FOR VALUES FROM ('\(month.lower)') TO ('\(month.upper)')
                            """)
                        return true
                    }
                }
                if isOurs { made.append(name) }
            }
            return made
        }
    }

    /// Tries again while somebody else has the lock: a backup, a long query.
    func retryingLocks<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        var tries = Self.tries
        while true {
            do {
                return try await body()
            } catch let error as PostgresError where [.lockNotAvailable, .deadlock].contains(error.code) && tries > 1 {
                tries -= 1
            }
        }
    }

    func connected<Value: Sendable>(_ body: (PostgresConnection) async throws -> Value) async throws -> Value {
        let connection = PostgresConnection(configuration: configuration)
        do {
            let value = try await body(connection)
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw error
        }
    }

    // MARK: SQL

    private static func move(from source: String, to target: String, where condition: String) -> String {
        """
        WITH moved AS (DELETE FROM \(source) WHERE \(condition) RETURNING *)
        INSERT INTO \(target) SELECT * FROM moved
        """
    }

    /// Each index of the old table gets another name, and the whole table one of the old name: that of the old partition becomes a
    /// part of it when it is attached, without being built anew.
    private static func moveIndexes(of old: String) -> String {
        """
        DO $$
        DECLARE i record;
        BEGIN
            FOR i IN
                SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition
                FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
                WHERE x.indrelid = '\(old)'::regclass AND NOT x.indisunique
            LOOP
                EXECUTE format('ALTER INDEX %I RENAME TO %I', i.name, left(i.name, 40) || '_\(old.suffix(8))');
                EXECUTE format('CREATE INDEX %I ON messages %s', i.name, substring(i.definition from ' USING .*$'));
            END LOOP;
        END $$
        """
    }

    /// Who may do what with the old table may do it with the new one, and its owner owns it.
    private static func moveRights(of old: String) -> String {
        """
        DO $$
        DECLARE r record;
        BEGIN
            FOR r IN
                SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
                       a.privilege_type, a.is_grantable
                FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = '\(old)'::regclass AND a.grantee <> c.relowner
            LOOP
                EXECUTE format('GRANT %s ON messages TO %s%s', r.privilege_type, r.grantee,
                    CASE WHEN r.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
            END LOOP;
            FOR r IN SELECT quote_ident(pg_get_userbyid(relowner)) AS owner FROM pg_class
                WHERE oid = '\(old)'::regclass AND pg_get_userbyid(relowner) <> current_user
            LOOP
                EXECUTE format('ALTER TABLE messages OWNER TO %s', r.owner);
            END LOOP;
        END $$
        """
    }
}
