public import BridgeCore
internal import Postgres

/// Partitions whose time is over.
extension MessagePartitions {
    /// What a table's name begins with once it is no partition any more and waits to be dropped.
    private static let prunedPrefix = "messages_pruned_"

    /// The partitions that hold no id of version 7 from a time on, and what an earlier run has left of such.
    public func names(before time: Timestamp) async throws -> [String] {
        try await connected { connection in
            try await Self.detached(connection) + Self.old(connection, before: time).map(\.name)
        }
    }

    /// Detaches the partitions from before a time, and returns the names that they have then.
    ///
    /// Each is a transaction that waits for those which use the table, five seconds at a time, and then takes a moment. (DETACH
    /// CONCURRENTLY would not wait, and is refused where there is a DEFAULT partition.)
    public func detach(before time: Timestamp) async throws -> [String] {
        try await connected { connection in
            guard try await connection.isPartitioned() else { return [] }
            for partition in try await Self.old(connection, before: time) {
                let name = Self.prunedPrefix + partition.name.dropFirst("messages_".count)
                try await retryingLocks {
                    try await connection.transaction { transaction throws(PostgresError) in
                        try transaction.simple(Self.begin)
                        // Somebody else may have been first.
                        let isAttached = try transaction.query(
                            "SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass($1)", [.text(partition.name)])
                        guard isAttached.count > 0 else { return }
                        try transaction.simple(
                            """
                            ALTER TABLE messages DETACH PARTITION \(partition.name);
                            ALTER TABLE \(partition.name) RENAME TO \(name)
                            """)
                    }
                }
            }
            return try await Self.detached(connection)
        }
    }

    /// Drops a table that ``detach(before:)`` has named.
    ///
    /// Rows that are younger than their ids say go back first: those that were imported have ids that tell no time, and now and
    /// then one lies in the range of a month.
    ///
    /// - Returns: how many rows went.
    public func drop(_ name: String, keepingSince time: Timestamp) async throws -> Int {
        try await connected { connection in
            let since = PostgresValue.timestamptz(microsecondsSinceUnixEpoch: time.microseconds)
            return try await retryingLocks {
                do throws(PostgresError) {
                    return try await connection.transaction { transaction throws(PostgresError) in
                        // Before the lock: it reads all of the table.
                        let count = try transaction.query(
                            "SELECT count(*) AS n FROM \(name) WHERE created_at < $1", [since]
                        ).first?.int("n")
                        _ = try transaction.query(
                            """
                            INSERT INTO messages SELECT * FROM \(name) WHERE created_at >= $1
                            ON CONFLICT (id) DO NOTHING
                            """, [since])
                        try transaction.simple("SET LOCAL lock_timeout = '5s'; DROP TABLE \(name)")
                        return count ?? 0
                    }
                } catch {
                    // Another run has dropped it meanwhile.
                    guard error.code == .undefinedTable else { throw error }
                    return 0
                }
            }
        }
    }

    private static func old(
        _ connection: PostgresConnection, before time: Timestamp
    ) async throws(PostgresError) -> [MessagePartition] {
        let limit = MessagePartition.firstID(at: time.microseconds / 1000)
        return try await connection.partitions().filter { partition in
            partition.upper.map { $0 <= limit } ?? false
        }
    }

    private static func detached(_ connection: PostgresConnection) async throws(PostgresError) -> [String] {
        let rows = try await connection.query(
            """
            SELECT relname::text AS name FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND starts_with(relname, $1)
            ORDER BY relname
            """, [.text(prunedPrefix)])
        var names: [String] = []
        for index in 0..<rows.count {
            if let name = try rows[index].text("name") { names.append(name) }
        }
        return names
    }
}
