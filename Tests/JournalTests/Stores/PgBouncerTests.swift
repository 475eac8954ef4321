import BridgeCore
import Postgres
import TestSupport
import Testing

@testable import Journal

/// The journal behind a pooler that gives each transaction another connection of the server.
@Suite(
    .enabled(
        if: TestPgBouncer.program != nil && TestEnvironment.postgresFolder != nil,
        "needs pgbouncer and CHATBRIDGE_TEST_POSTGRES_BIN"))
struct PgBouncerTests {
    @Test func `migrations and batches go through a pooler in transaction mode, and leave nothing on its connections`()
        async throws
    {
        let server = try TestPostgres()
        let direct = PostgresConnection(configuration: try PostgresConfiguration(server.url))
        try await direct.connect(retryingFor: .seconds(30))
        let pooler = try TestPgBouncer(before: server, connections: 2)
        let pooled = try PostgresConfiguration(pooler.url)
        let migrations = try Migrations.embedded()

        // Several at once: each migration is applied by one of them.
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { try await MigrationRunner(migrations, on: pooled).up().count } }
            return try await group.reduce(0, +)
        }
        #expect(applied == migrations.count)
        #expect(try await MigrationRunner(migrations, on: pooled).down(1).count == 1)
        #expect(try await MigrationRunner(migrations, on: pooled).up().count == 1)

        // More writers than connections, with small batches (INSERT) and large ones (COPY), and news of messages.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<6 {
                group.addTask {
                    let store = PostgresStore(configuration: pooled)
                    for round in 0..<12 {
                        let size = UInt64(round.isMultiple(of: 4) ? 300 : 7)
                        let first = UInt64(writer * 100_000 + round * 1000)
                        let jobs = (first..<first + size).map { LogJob.sample($0, session: UInt64(writer + 1)) }
                        let outcome = try await store.write(JournalBatch(jobs))
                        #expect(outcome.rejections.isEmpty && outcome.deferred.isEmpty)
                        let news = LogJob.status(
                            LogStatusChange(
                                id: .numbered(first), at: .now(), status: .read, metadata: LogMessage.noMetadata))
                        #expect(try await store.write(JournalBatch([news])).deferred.isEmpty)
                    }
                    await store.close()
                }
            }
            try await group.waitForAll()
        }
        let rows = try await direct.query(
            "SELECT count(*) AS n, count(*) FILTER (WHERE status = 'read') AS read FROM messages")
        #expect(try rows.first?.int("n") == 6 * (3 * 300 + 9 * 7))
        #expect(try rows.first?.int("read") == 6 * 12)
        #expect(try await direct.query("SELECT current_setting('statement_timeout') AS t").first?.text("t") == "30s")

        // What one client leaves would meet the next.
        let other = PostgresConnection(configuration: pooled)
        for _ in 0..<5 {
            let left = try await other.query(
                """
                SELECT (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') AS n,
                       current_setting('statement_timeout') AS t,
                       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks
                """)
            #expect(try left.first?.int("n") == 0)
            #expect(try left.first?.text("t") == "0")
            #expect(try left.first?.int("locks") == 0)
        }
        await other.close()
        await direct.close()
    }
}
