public import Postgres

/// Applies migrations to a Postgres database and takes them back.
///
/// Each runs in a transaction of its own together with its row in `chatbridge_migrations`, so that a database is always
/// between two migrations. An advisory lock, one for each schema, keeps several runners from meeting: the later one waits
/// and then finds nothing left to do. The lock is each transaction's own, so that it works behind a pooler too.
public struct MigrationRunner: Sendable {
    private let migrations: [Migration]
    private let configuration: PostgresConfiguration
    private let patience: Duration

    /// Prepares to run; connects only when asked to do something.
    ///
    /// - Parameters:
    ///   - migrations: What to apply; see ``Migrations``.
    ///   - configuration: The database. Its statement timeout is lifted: a migration takes as long as it takes.
    ///   - patience: For how long to try again while the database cannot be reached (`--wait`). Default: once.
    public init(
        _ migrations: [Migration], on configuration: PostgresConfiguration, retryingFor patience: Duration = .zero
    ) {
        self.migrations = migrations
        var configuration = configuration
        configuration.statementTimeout = .zero
        self.configuration = configuration
        self.patience = patience
    }

    /// Where each migration stands, in order, those that only the database knows at the end.
    ///
    /// Changes nothing.
    public func status() async throws(MigrationError) -> [MigrationStatus] {
        try await connected { connection throws(MigrationError) in
            try await statuses(connection)
        }
    }

    /// Applies what is pending and returns it; an empty list when there was nothing to do.
    ///
    /// - Throws: ``MigrationError``. What was applied before the error stays applied.
    public func up() async throws(MigrationError) -> [Migration] {
        try await prepared { connection throws(MigrationError) in
            let statuses = try await statuses(connection)
            try check(statuses)
            var applied: [Migration] = []
            for migration in migrations where statuses[migration.version - 1].state == .pending {
                let isOurs = try await run(migration, migration.up, connection, ifApplied: false) {
                    transaction throws(PostgresError) in
                    _ = try transaction.query(
                        "INSERT INTO chatbridge_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                        [.int4(Int32(migration.version)), .text(migration.name), .text(migration.checksum)])
                }
                if isOurs { applied.append(migration) }
            }
            return applied
        }
    }

    /// Takes back the last migrations applied and returns them, last first.
    ///
    /// - Parameter count: How many; fewer are taken back when fewer are applied.
    /// - Throws: ``MigrationError``. What was taken back before the error stays so.
    public func down(_ count: Int) async throws(MigrationError) -> [Migration] {
        try await prepared { connection throws(MigrationError) in
            let statuses = try await statuses(connection)
            try check(statuses)
            var reverted: [Migration] = []
            for migration in migrations.reversed() where statuses[migration.version - 1].state != .pending {
                guard reverted.count < count else { break }
                guard let down = migration.down else { throw .noWayBack(fileName: migration.fileName) }
                let isOurs = try await run(migration, down, connection, ifApplied: true) {
                    transaction throws(PostgresError) in
                    _ = try transaction.query(
                        "DELETE FROM chatbridge_migrations WHERE version = $1", [.int4(Int32(migration.version))])
                }
                if isOurs { reverted.append(migration) }
            }
            return reverted
        }
    }

    /// - Returns: false when another runner has done it meanwhile.
    private func run(
        _ migration: Migration, _ sql: String, _ connection: PostgresConnection, ifApplied isApplied: Bool,
        record: @Sendable (borrowing PostgresTransaction) throws(PostgresError) -> Void
    ) async throws(MigrationError) -> Bool {
        do throws(PostgresError) {
            return try await connection.transaction { transaction throws(PostgresError) in
                try lock(transaction)
                let rows = try transaction.query(
                    "SELECT 1 FROM chatbridge_migrations WHERE version = $1", [.int4(Int32(migration.version))])
                guard (rows.count > 0) == isApplied else { return false }
                try transaction.simple(sql)
                try record(transaction)
                return true
            }
        } catch {
            throw .failed(fileName: migration.fileName, error)
        }
    }

    /// Waits until no other runner is in a transaction of its own.
    private func lock(_ transaction: borrowing PostgresTransaction) throws(PostgresError) {
        _ = try transaction.query(
            "SELECT pg_advisory_xact_lock(hashtextextended('chatbridge migrations of ' || current_schema(), 0))")
    }

    /// What is applied must be what we have: never build on another history.
    private func check(_ statuses: [MigrationStatus]) throws(MigrationError) {
        for status in statuses {
            switch status.state {
            case .changed: throw .changed(fileName: migrations[status.version - 1].fileName)
            case .missing: throw .unknownVersion(status.version, name: status.name)
            case .pending, .applied: break
            }
        }
    }

    private func statuses(_ connection: PostgresConnection) async throws(MigrationError) -> [MigrationStatus] {
        var applied: [Int: (name: String, checksum: String, at: String)] = [:]
        do throws(PostgresError) {
            let exists = try await connection.query("SELECT to_regclass('chatbridge_migrations')::text AS name")
            if try exists.first?.isNull("name") == false {
                let rows = try await connection.query(
                    """
                    SELECT version, name, checksum,
                           to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at
                    FROM chatbridge_migrations ORDER BY version
                    """)
                for index in 0..<rows.count {
                    let row = rows[index]
                    applied[try row.int("version") ?? 0] = (
                        try row.text("name") ?? "", try row.text("checksum") ?? "", try row.text("at") ?? ""
                    )
                }
            }
        } catch {
            throw .database(error)
        }
        var statuses = migrations.map { migration in
            guard let row = applied.removeValue(forKey: migration.version) else {
                return MigrationStatus(version: migration.version, name: migration.name, state: .pending)
            }
            return MigrationStatus(
                version: migration.version, name: migration.name,
                state: row.checksum == migration.checksum ? .applied(at: row.at) : .changed)
        }
        for (version, row) in applied.sorted(by: { $0.key < $1.key }) {
            statuses.append(MigrationStatus(version: version, name: row.name, state: .missing))
        }
        return statuses
    }

    private func prepared<Value: Sendable>(
        _ body: (PostgresConnection) async throws(MigrationError) -> Value
    ) async throws(MigrationError) -> Value {
        try await connected { connection throws(MigrationError) in
            do throws(PostgresError) {
                try await connection.transaction { transaction throws(PostgresError) in
                    try lock(transaction)
                    try transaction.simple(
                        """
                        CREATE TABLE IF NOT EXISTS chatbridge_migrations (
                            version int PRIMARY KEY,
                            name text NOT NULL,
                            checksum text NOT NULL,
                            applied_at timestamptz NOT NULL DEFAULT now()
                        )
                        """)
                }
            } catch {
                throw .database(error)
            }
            return try await body(connection)
        }
    }

    private func connected<Value: Sendable>(
        _ body: (PostgresConnection) async throws(MigrationError) -> Value
    ) async throws(MigrationError) -> Value {
        let connection = PostgresConnection(configuration: configuration)
        do throws(PostgresError) {
            try await connection.connect(retryingFor: patience)
        } catch {
            throw .database(error)
        }
        do throws(MigrationError) {
            let value = try await body(connection)
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw error
        }
    }
}
