import BridgeCore
import Postgres
import Testing

@testable import Journal

// Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
@Suite(.enabled(if: StoreKind.databaseURL != nil)) struct MessagePartitionsTests {
    /// A job of this moment, by its id too.
    private static func fresh(_ text: String) -> LogJob {
        var generator = UUIDGenerator()
        let now = Timestamp.now()
        return .message(
            LogMessage(
                id: generator.next(at: now), at: now,
                session: .init(id: .numbered(1, family: 1), platform: "telegram", conversation: "c", user: "42"),
                direction: .inbound, sender: "42", text: text, status: .received))
    }

    private static func partition(of text: String, _ reader: PostgresConnection) async throws -> String? {
        try await reader.query(
            "SELECT tableoid::regclass::text AS name FROM messages WHERE content_text = $1", [.text(text)]
        ).first?.text("name")
    }

    @Test func `what is there becomes one partition, what an import has left goes to DEFAULT, and nothing is lost`()
        async throws
    {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
            let store = PostgresStore(configuration: configuration)
            let imported = UUID(high: 0xA1B2_C3D4_E5F6_5ABC, low: 0x8000_0000_0000_0001)
            _ = try await store.write([
                .sample(1, text: "old"), Self.fresh("new"), .sample(3, text: "imported") { $0.id = imported },
            ])
            let reader = PostgresConnection(configuration: configuration)
            try await reader.simple(
                "CREATE INDEX messages_mine ON messages (sender_id); GRANT SELECT ON messages TO PUBLIC")
            let partitions = MessagePartitions(on: configuration)
            #expect(try await partitions.convert() == 1)
            #expect(try await partitions.convert() == nil)
            let list = try await partitions.list()
            #expect(list.count == 2 && list[0].lower == nil && list[1].isDefault)
            #expect(try await Self.partition(of: "old", reader) == list[0].name)
            #expect(try await Self.partition(of: "new", reader) == list[0].name)
            #expect(try await Self.partition(of: "imported", reader) == "messages_default")

            let made = try await partitions.makeAhead(3)
            #expect(made.count == 3)
            #expect(try await partitions.makeAhead(3).isEmpty)
            #expect(try await partitions.list().count == 5)
            // The old names, and the rights of the old table.
            let names = try await reader.query(
                "SELECT indexname::text AS n FROM pg_indexes WHERE tablename = 'messages' AND schemaname = current_schema() ORDER BY 1"
            ).map { try $0.text("n") }
            #expect(names == ["messages_mine", "messages_pkey", "messages_session_created"])
            let rights = try await reader.query(
                "SELECT relacl::text AS acl FROM pg_class WHERE oid = 'messages'::regclass")
            #expect(try rights.first?.text("acl")?.contains("=r/") == true)

            let outcome = try await store.write([Self.fresh("newer"), .sample(1, text: "again")])
            #expect(outcome.rejections.isEmpty && outcome.deferred.isEmpty)
            #expect(try await reader.query("SELECT id FROM messages").count == 4)
            let error = await #expect(throws: PostgresError.self) {
                try await reader.execute(
                    "INSERT INTO messages SELECT gen_random_uuid(), gen_random_uuid(), direction, sender_id, content_text, content_type, attachments, created_at, mastra_request_id, status, metadata FROM messages LIMIT 1"
                )
            }
            #expect(error?.code == .foreignKeyViolation)
            await store.close()
            await reader.close()
        }
    }

    @Test func `messages of a month without a partition wait in DEFAULT until it is made`() async throws {
        try await StoreFixture.with(.partitioned) { fixture in
            let store = try #require(fixture.store as? PostgresStore)
            let months = try await store.connection.months(from: 4, through: 4)
            let month = try #require(months.first)
            let id = UUID(high: month.lower.high + 0x7001, low: 0x8000_0000_0000_0001)
            _ = try await store.write([.sample(1, text: "late") { $0.id = id }])
            #expect(try await Self.partition(of: "late", store.connection) == "messages_default")
            let partitions = MessagePartitions(on: store.connection.configuration)
            #expect(try await partitions.makeAhead(4).last == "messages_\(month.name)")
            #expect(try await Self.partition(of: "late", store.connection) == "messages_\(month.name)")
        }
    }

    @Test func `what hangs on the table is named, and nothing is changed`() async throws {
        try await StoreFixture.withSchema { configuration in
            let partitions = MessagePartitions(on: configuration)
            let missing = await #expect(throws: MessagePartitions.Refusal.self) { try await partitions.convert() }
            #expect(missing?.description.contains("migrate up") == true)
            _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
            let reader = PostgresConnection(configuration: configuration)
            try await reader.simple(
                """
                CREATE VIEW latest AS SELECT * FROM messages;
                CREATE TABLE notes (message uuid REFERENCES messages);
                CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
                CREATE TRIGGER mine BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION nothing()
                """)
            let error = await #expect(throws: MessagePartitions.Refusal.self) { try await partitions.convert() }
            for name in ["latest", "notes", "mine"] { #expect(error?.description.contains(name) == true) }
            #expect(try await !partitions.isPartitioned())
            await reader.close()
        }
    }

    @Test func `migrations go down and up again over partitions`() async throws {
        try await StoreFixture.withSchema { configuration in
            let migrations = try Migrations.embedded()
            let runner = MigrationRunner(migrations, on: configuration)
            _ = try await runner.up()
            _ = try await MessagePartitions(on: configuration).convert()
            #expect(try await runner.down(migrations.count).count == migrations.count)
            #expect(try await runner.up().count == migrations.count)
            #expect(try await !MessagePartitions(on: configuration).isPartitioned())
        }
    }
}

// Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
@Suite(.enabled(if: StoreKind.databaseURL != nil)) struct MessagePartitionsRaceTests {
    @Test func `several at once cut the table once, while a logger writes, and nothing is lost`() async throws {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
            async let first = Self.cut(configuration)
            async let second = Self.cut(configuration)
            let store = PostgresStore(configuration: configuration)
            for number in 1...200 {
                let jobs: [LogJob] = [
                    .sample(UInt64(number), session: UInt64(number % 3)), .change(UInt64(number), .failed),
                ]
                var isWritten = false
                while !isWritten {
                    // A plan that no longer fits, or a lost race: a logger writes again too.
                    do { isWritten = try await store.write(jobs).rejections.isEmpty } catch { await Task.yield() }
                }
            }
            let cuts = try await [first, second]
            #expect(cuts.filter { $0 }.count == 1)
            #expect(try await store.connection.query("SELECT id FROM messages WHERE status = 'failed'").count == 200)
            #expect(try await MessagePartitions(on: configuration).list().count == 4)
            await store.close()
        }
    }

    private static func cut(_ configuration: PostgresConfiguration) async throws -> Bool {
        let partitions = MessagePartitions(on: configuration)
        let moved = try await partitions.convert()
        _ = try await partitions.makeAhead(2)
        return moved != nil
    }
}
