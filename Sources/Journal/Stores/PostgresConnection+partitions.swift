internal import BridgeCore
package import Postgres

extension PostgresConnection {
    /// Whether `messages` has partitions; false also where it is not there.
    package func isPartitioned() async throws(PostgresError) -> Bool {
        try await query("SELECT relkind::text AS kind FROM pg_class WHERE oid = to_regclass('messages')").first?
            .text("kind") == "p"
    }

    /// The partitions of `messages`, by their ranges, DEFAULT at the end.
    package func partitions() async throws(PostgresError) -> [MessagePartition] {
        let rows = try await query(
            """
            SELECT c.oid::regclass::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass('messages')
            """)
        var partitions: [MessagePartition] = []
        for index in 0..<rows.count {
            let row = rows[index]
            partitions.append(MessagePartition(name: try row.text("name") ?? "", bound: try row.text("bound") ?? ""))
        }
        let (first, last) = (UUID(high: 0, low: 0), UUID(high: .max, low: .max))
        return partitions.sorted { one, other in
            (one.isDefault ? 1 : 0, one.lower ?? first, one.upper ?? last)
                < (other.isDefault ? 1 : 0, other.lower ?? first, other.upper ?? last)
        }
    }

    /// Months by the server's clock, counted from the one that is.
    func months(from first: Int, through last: Int) async throws(PostgresError) -> [MessagePartition.Month] {
        let rows = try await query(
            """
            SELECT to_char(m, '"y"YYYY"m"MM') AS name, (extract(epoch FROM m) * 1000)::int8 AS lower,
                   (extract(epoch FROM m + interval '1 month') * 1000)::int8 AS upper
            FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + i * interval '1 month' AS m
                  FROM generate_series($1::int4, $2::int4) AS i) AS months ORDER BY m
            """, [.int4(Int32(first)), .int4(Int32(last))])
        var months: [MessagePartition.Month] = []
        for index in 0..<rows.count {
            let row = rows[index]
            months.append(
                MessagePartition.Month(
                    name: try row.text("name") ?? "",
                    lower: MessagePartition.firstID(at: Int64(try row.int("lower") ?? 0)),
                    upper: MessagePartition.firstID(at: Int64(try row.int("upper") ?? 0))))
        }
        return months
    }

    /// What hangs on the table `messages` and would stay with the old one.
    func partitioningObstacles() async throws(PostgresError) -> [String] {
        let rows = try await query(
            """
            WITH t AS (SELECT oid, relrowsecurity, relnamespace FROM pg_class WHERE oid = to_regclass('messages'))
            SELECT 'there is no table messages: run chatbridge migrate up first' AS what
                WHERE to_regclass('messages') IS NULL
            UNION ALL SELECT 'PostgreSQL 12 or newer is needed' WHERE current_setting('server_version_num')::int < 120000
            UNION ALL SELECT 'the table is not in the schema ' || current_schema() FROM t
                WHERE relnamespace <> current_schema()::regnamespace
            UNION ALL SELECT DISTINCT format('the view %s reads it: drop it, and make it again afterwards', r.ev_class::regclass)
                FROM t JOIN pg_depend d ON d.refobjid = t.oid AND d.classid = 'pg_rewrite'::regclass
                JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> t.oid
            UNION ALL SELECT format('it has the trigger %s: drop it, and make it again afterwards', tgname)
                FROM t JOIN pg_trigger ON tgrelid = t.oid AND NOT tgisinternal
            UNION ALL SELECT format('the table %s refers to it: drop that constraint, and make it again afterwards', conrelid::regclass)
                FROM t JOIN pg_constraint ON confrelid = t.oid AND contype = 'f'
            UNION ALL SELECT format('it has the unique index %s, which partitions cannot have', indexrelid::regclass)
                FROM t JOIN pg_index ON indrelid = t.oid AND indisunique AND NOT indisprimary
            UNION ALL SELECT format('it is in the publication %s: take it out, and add it again afterwards', pubname)
                FROM t JOIN pg_publication_rel ON prrelid = t.oid JOIN pg_publication p ON p.oid = prpubid
            UNION ALL SELECT 'it has row security: disable it, and make its policies again afterwards'
                FROM t WHERE relrowsecurity
            """)
        var obstacles: [String] = []
        for index in 0..<rows.count {
            if let obstacle = try rows[index].text("what") { obstacles.append(obstacle) }
        }
        return obstacles
    }
}
