import BridgeCore
import Postgres
import Testing

@testable import Journal

// Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
@Suite(.enabled(if: StoreKind.databaseURL != nil)) struct PostgresStoreTests {
    @Test func `without tables every job is kept and the error says what to run`() async throws {
        try await StoreFixture.withSchema { configuration in
            let store = PostgresStore(configuration: configuration)
            for error in [
                await #expect(throws: JournalStoreError.self) { try await store.write([.sample(1), .sample(2)]) },
                await #expect(throws: JournalStoreError.self) { try await store.ping() },
            ] {
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("chatbridge migrate up") == true)
            }
            await store.close()
        }
    }

    @Test func `what only Postgres refuses is rejected alone too`() async throws {
        try await StoreFixture.with(.postgres) { fixture in
            var generator = SystemRandomNumberGenerator()
            // Longer than an entry of a B-tree may be, and not to be compressed.
            let long = (0..<400).map { _ in String(generator.next(), radix: 36) }.joined()
            let outcome = try await fixture.store.write([
                .sample(1), .sample(2), .sample(3, at: .min),
                .sample(4, session: 4) { $0.session.conversation = long }, .sample(5),
                .sample(6) { $0.metadata = Array(#"{"n":1e999999}"#.utf8) }, .change(1, .failed),
            ])
            #expect(outcome.rejections.map(\.index) == [2, 3, 5])
            #expect(outcome.deferred.isEmpty)
            let statuses = try await fixture.table("SELECT status FROM messages ORDER BY id")
            #expect(statuses == [["failed"], ["received"], ["received"]])
        }
    }

    @Test func `a job refused for a reason of its own is rejected, a database that refuses all is not believed`()
        async throws
    {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
            let database = PostgresConnection(configuration: configuration)
            func refuse(when condition: String) async throws {
                try await database.simple(
                    """
                    CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN IF \(condition) THEN RAISE 'no'; END IF; RETURN NEW; END $$;
                    CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION refuse()
                    """)
            }
            let store = PostgresStore(configuration: configuration)
            try await refuse(when: "NEW.content_text = 'bad'")
            #expect(try await store.write([.sample(1), .sample(2, text: "bad")]).rejections.map(\.index) == [1])
            #expect(try await store.write([.sample(2, text: "bad")]).rejections.map(\.index) == [0])
            try await refuse(when: "true")
            let error = await #expect(throws: JournalStoreError.self) {
                try await store.write([.sample(3), .sample(4)])
            }
            #expect(error?.code == .unavailable)
            #expect(try await database.query("SELECT id FROM messages").count == 1)
            #expect(try await database.query("SELECT id FROM sessions WHERE platform = 'probe'").count == 0)
        }
    }

    @Test func `a server that goes away costs a retry and no job`() async throws {
        try await StoreFixture.with(.postgres) { fixture in
            try await fixture.store.ping()
            // An open lock holds the write up until its backend is ended.
            let blocker = PostgresConnection(
                configuration: try PostgresConfiguration(try #require(StoreKind.databaseURL)))
            let schema = try #require(try await fixture.table("SELECT current_schema()::text AS s")[0][0])
            let held = Task {
                try await blocker.transaction { transaction throws(PostgresError) in
                    try transaction.simple("LOCK TABLE \(schema).messages IN ACCESS EXCLUSIVE MODE")
                    while true {
                        let ended = try transaction.query(
                            """
                            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE wait_event_type = 'Lock' AND pid IN (
                                SELECT pid FROM pg_locks WHERE NOT granted AND relation = to_regclass($1))
                            """, [.text("\(schema).messages")])
                        if ended.count > 0 { return }
                    }
                }
            }
            let jobs = [LogJob.sample(1), .sample(2)]
            // Before the lock is taken, writes go through; repeating them is what a logger does.
            var failure: JournalStoreError?
            while failure == nil {
                do throws(JournalStoreError) {
                    _ = try await fixture.store.write(jobs)
                    await Task.yield()
                } catch { failure = error }
            }
            #expect(failure?.code == .unavailable)
            try await held.value
            let outcome = try await fixture.store.write(jobs)
            #expect(outcome.rejections.isEmpty && outcome.deferred.isEmpty)
            #expect(try await fixture.count("messages") == 2)
            await blocker.close()
        }
    }
}
