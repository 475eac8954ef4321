import Glibc
import Postgres
import Testing

@testable import Journal

@Suite struct MigrationsTests {
    @Test func `the migrations in the binary are those of the folder`() throws {
        // Tests/JournalTests/Stores/… is four levels below the repository.
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
        let embedded = try Migrations.embedded()
        #expect(embedded == (try Migrations.load(directory: root + "/migrations")))
        #expect(embedded.first?.name == "sessions_and_messages")
        #expect(embedded.allSatisfy { $0.up.hasPrefix("-- ") && $0.down != nil })
    }

    @Test(arguments: [
        ["1_a.up.sql"], ["0001_A.up.sql"], ["0001_a.sql"], ["0001_.up.sql"], ["0000_a.up.sql"], ["a.up.sql"],
        ["0001_a.up.sql", "0003_b.up.sql"], ["0002_b.up.sql"], ["0001_a.down.sql"], ["0001_a.up.sql", "0001_b.up.sql"],
    ])
    func `a folder whose names make no sequence is refused`(names: [String]) {
        #expect(throws: MigrationError.self) { try Migrations.assemble(names.map { ($0, "SELECT 1") }) }
    }

    @Test func `a folder that is not there is named`() {
        let error = #expect(throws: MigrationError.self) { try Migrations.load(directory: "/nowhere/migrations") }
        #expect(error?.description.contains("/nowhere/migrations") == true)
    }
}

// Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
@Suite(.enabled(if: StoreKind.databaseURL != nil)) struct MigrationRunnerTests {
    private let two = [
        Migration(version: 1, name: "one", up: "CREATE TABLE one(i int)", down: "DROP TABLE one"),
        Migration(
            version: 2, name: "two", up: "CREATE TABLE two(i int); INSERT INTO one VALUES (2)", down: "DROP TABLE two"),
    ]

    @Test func `the schema goes up, says so, and comes down`() async throws {
        try await StoreFixture.withSchema { configuration in
            let runner = MigrationRunner(two, on: configuration)
            #expect(try await runner.status().map(\.state) == [.pending, .pending])
            #expect(try await runner.up().map(\.name) == ["one", "two"])
            #expect(try await runner.up().isEmpty)
            let states = try await runner.status().map(\.state)
            #expect(states.allSatisfy { if case .applied = $0 { true } else { false } })
            #expect(try await runner.down(1).map(\.name) == ["two"])
            #expect(try await runner.status().map(\.state).last == .pending)
            #expect(try await runner.down(5).map(\.name) == ["one"])
            #expect(try await runner.down(1).isEmpty)
            #expect(try await runner.up().count == 2)
        }
    }

    @Test func `who may write messages may see who was forgotten, without being told so`() async throws {
        try await StoreFixture.withSchema { configuration in
            let migrations = try Migrations.embedded()
            _ = try await MigrationRunner(Array(migrations.prefix(2)), on: configuration).up()
            let connection = PostgresConnection(configuration: configuration)
            try await connection.simple("GRANT INSERT ON messages TO PUBLIC")
            _ = try await MigrationRunner(migrations, on: configuration).up()
            let rows = try await connection.query(
                "SELECT relacl::text AS acl FROM pg_class WHERE oid = 'erasures'::regclass")
            #expect(try rows.first?.text("acl")?.contains("=r/") == true)
            await connection.close()
        }
    }

    @Test func `the project's own migrations go up and down and up`() async throws {
        try await StoreFixture.withSchema { configuration in
            let migrations = try Migrations.embedded()
            let runner = MigrationRunner(migrations, on: configuration)
            #expect(try await runner.up().count == migrations.count)
            #expect(try await runner.down(migrations.count).count == migrations.count)
            #expect(try await runner.up().count == migrations.count)
        }
    }

    @Test func `a failed migration leaves nothing and is named, those before it stay`() async throws {
        try await StoreFixture.withSchema { configuration in
            let bad = Migration(version: 2, name: "bad", up: "CREATE TABLE half(i int); SELECT nonsense", down: nil)
            let error = await #expect(throws: MigrationError.self) {
                try await MigrationRunner([two[0], bad], on: configuration).up()
            }
            #expect(error?.description.contains("0002_bad.up.sql") == true)
            #expect(error?.description.contains("nonsense") == true)
            let connection = PostgresConnection(configuration: configuration)
            let half = try await connection.query("SELECT to_regclass('half')::text AS t")
            #expect(try half[0].isNull("t"))
            #expect(try await MigrationRunner(two, on: configuration).up().map(\.name) == ["two"])
        }
    }

    @Test func `a file changed after it was applied is named and nothing is applied`() async throws {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner([two[0]], on: configuration).up()
            let edited = Migration(version: 1, name: "one", up: two[0].up + " ", down: nil)
            let runner = MigrationRunner([edited, two[1]], on: configuration)
            let error = await #expect(throws: MigrationError.self) { try await runner.up() }
            #expect(error?.description.contains("0001_one.up.sql was changed") == true)
            #expect(try await runner.status().map(\.state) == [.changed, .pending])
        }
    }

    @Test func `a database newer than the program is left alone`() async throws {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner(two, on: configuration).up()
            let older = MigrationRunner([two[0]], on: configuration)
            let error = await #expect(throws: MigrationError.self) { try await older.up() }
            #expect(error?.description.contains("newer chatbridge") == true)
            #expect(try await older.status().last == MigrationStatus(version: 2, name: "two", state: .missing))
        }
    }

    @Test func `what cannot be taken back says so`() async throws {
        try await StoreFixture.withSchema { configuration in
            let oneWay = Migration(version: 1, name: "one", up: "CREATE TABLE one(i int)", down: nil)
            let runner = MigrationRunner([oneWay], on: configuration)
            _ = try await runner.up()
            let error = await #expect(throws: MigrationError.self) { try await runner.down(1) }
            #expect(error?.description.contains("0001_one.up.sql has no down.sql") == true)
        }
    }

    @Test func `several runners at once apply each migration once`() async throws {
        try await StoreFixture.withSchema { configuration in
            let runner = MigrationRunner(two, on: configuration)
            let applied = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<5 { group.addTask { try await runner.up().count } }
                return try await group.reduce(0, +)
            }
            #expect(applied == 2)
        }
    }

    @Test func `a database that cannot be reached is an error when patience ends`() async throws {
        let configuration = try PostgresConfiguration("postgres://user@127.0.0.1:1/db")
        let clock = ContinuousClock()
        let start = clock.now
        let runner = MigrationRunner(two, on: configuration, retryingFor: .milliseconds(700))
        let error = await #expect(throws: MigrationError.self) { try await runner.up() }
        #expect(error?.description.contains("127.0.0.1") == true)
        #expect(start.duration(to: clock.now) >= .milliseconds(700))
    }
}
