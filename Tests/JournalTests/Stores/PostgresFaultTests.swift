import BridgeCore
import EventLoop
import Glibc
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Journal
@testable import Postgres

/// Whatever Postgres says that is not about a row's own data means: wait, and try again.
@Suite(.enabled(if: StoreKind.databaseURL != nil)) struct PostgresFaultTests {
    enum Verdict: Sendable { case row, wait, askGoodMessage }

    /// One or more of each class of appendix A of PostgreSQL's manual.
    private static let states: [(Verdict, [String])] = [
        (
            .row,
            [
                "22001", "22003", "22008", "22021", "22P02", "22P05", "23502", "23503", "23505", "23514", "23P01",
                "54000",
            ]
        ),
        (
            .wait,
            [
                "08000", "08003", "08006", "08P01", "0A000", "25001", "25006", "25P02", "25P03", "25P04", "26000",
                "28000",
                "28P01", "2D000", "3B001", "3D000", "3F000", "40001", "40003", "40P01", "42501", "42601", "42703",
                "42704",
                "42804", "42883", "42P01", "42P10", "53000", "53100", "53200", "53300", "53400", "55000", "55006",
                "55P03",
                "57000", "57014", "57P01", "57P02", "57P03", "57P04", "57P05", "58000", "58030", "58P01", "72000",
                "F0000",
                "XX001", "XX002",
            ]
        ),
        (
            .askGoodMessage,
            [
                "01000", "02000", "03000", "09000", "0B000", "0F000", "0L000", "0P000", "0Z000", "20000", "21000",
                "24000",
                "27000", "2B000", "2F000", "34000", "38000", "39000", "44000", "HV000", "P0000", "P0001", "P0004",
                "XX000",
                "99999",
            ]
        ),
    ]

    @Test func `only a row's own data costs the row, over all classes of SQLSTATE`() {
        for (verdict, states) in Self.states {
            for state in states {
                let error = PostgresError(
                    code: .init(sqlState: state), sqlState: state, message: "m", operation: "a pipeline")
                let found: Verdict =
                    switch PostgresStore.failure(error) {
                    case .data: .row
                    case .store, .erasure: .wait
                    case .unexplained: .askGoodMessage
                    }
                #expect(found == verdict, "\(state)")
            }
        }
        for code: PostgresError.Code in [.connectionFailed, .connectionLost, .cancelled, .pipelineAborted] {
            let error = PostgresError(code: code, message: "m", operation: "connecting")
            guard case .store = PostgresStore.failure(error) else {
                Issue.record("\(code) is nobody's data")
                continue
            }
        }
    }

    // MARK: Faults of a server that all tests share

    @Test func `a full disk is waited for`() async throws {
        // What a server with a full disk sends, sent by a trigger: filling a disk is not for a test that shares the machine.
        try await survives("53100", fault: Self.raise("53100"), healing: "DROP TRIGGER fault ON messages")
    }

    @Test func `a schema one migration behind is waited for, and the log says what to run`() async throws {
        try await survives(
            "chatbridge migrate up", fault: "ALTER TABLE messages RENAME COLUMN mastra_request_id TO gone",
            healing: "ALTER TABLE messages RENAME COLUMN gone TO mastra_request_id")
        try await survives(
            "chatbridge migrate up", fault: "ALTER TABLE sessions RENAME TO gone",
            healing: "ALTER TABLE gone RENAME TO sessions")
        try await survives(
            "chatbridge migrate up", fault: "ALTER TABLE erasures RENAME TO gone",
            healing: "ALTER TABLE gone RENAME TO erasures")
        try await survives(
            "chatbridge migrate up",
            fault: "ALTER TABLE messages DROP CONSTRAINT messages_pkey",
            healing: "ALTER TABLE messages ADD CONSTRAINT messages_pkey PRIMARY KEY (id)")
    }

    @Test func `a schema one migration ahead, with a column that we do not fill, is waited for`() async throws {
        // Every single row is refused for its data (23502), and none of them is at fault.
        try await survives(
            "takes no message at all",
            fault: "ALTER TABLE sessions ADD COLUMN tenant text NOT NULL DEFAULT 'x';"
                + "ALTER TABLE sessions ALTER COLUMN tenant DROP DEFAULT;"
                + "ALTER TABLE messages ADD COLUMN tenant text NOT NULL DEFAULT 'x';"
                + "ALTER TABLE messages ALTER COLUMN tenant DROP DEFAULT",
            healing: "ALTER TABLE sessions DROP COLUMN tenant; ALTER TABLE messages DROP COLUMN tenant")
    }

    @Test func `a database that takes no writes is waited for`() async throws {
        // New connections alone feel this, as with a name that leads to a standby: a connection that met it must not be kept.
        try await survives(
            "25006", fault: "ALTER ROLE CURRENT_ROLE SET default_transaction_read_only = on",
            healing:
                "SET default_transaction_read_only = off; ALTER ROLE CURRENT_ROLE RESET default_transaction_read_only",
            isReconnectNeeded: true, hasOwnRole: true)
    }

    @Test func `a server without a free connection is waited for`() async throws {
        try await survives(
            "too many connections", fault: "ALTER ROLE CURRENT_ROLE CONNECTION LIMIT 0",
            healing: "ALTER ROLE CURRENT_ROLE CONNECTION LIMIT -1", isReconnectNeeded: true, hasOwnRole: true)
    }

    @Test func `a backend that is ended by the administrator is made anew`() async throws {
        try await survives("57P01", fault: Self.raise("57P01"), healing: "DROP TRIGGER fault ON messages")
    }

    @Test func `a lock that is held longer than the statement may take is waited for`() async throws {
        try await waitsForLock("57014", options: "", timeout: .milliseconds(100))
    }

    @Test func `a lock that is not to be had in time is waited for`() async throws {
        try await waitsForLock("55P03", options: "%20-clock_timeout%3D50ms", timeout: .seconds(30))
    }

    @Test func `of two writers in a deadlock one is the victim, and both are written`() async throws {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
            let store = PostgresStore(
                configuration: try PostgresConfiguration(
                    configuration.connectionString + "%20-cdeadlock_timeout%3D300ms"))
            _ = try await store.write((1...2).map { .sample($0, session: $0) })
            let other = PostgresConnection(configuration: configuration)
            let first = UUID.numbered(1, family: 1)
            let second = UUID.numbered(2, family: 1)
            // Locks the later session first and then the earlier one, which no logger does, while the store has that and
            // asks for this. The store is made the victim: it is the one whose deadlock is looked for first.
            try await other.simple("SET deadlock_timeout = '20s'")
            let held = Task {
                try await other.transaction { transaction throws(PostgresError) in
                    let lock = "SELECT id FROM sessions WHERE id = $1 FOR UPDATE"
                    _ = try transaction.query(lock, [.uuid(second.postgres)])
                    let waits =
                        "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
                    while try transaction.query(waits).count == 0 { usleep(2000) }
                    _ = try transaction.query(lock, [.uuid(first.postgres)])
                }
            }
            // Begins once the lock is there.
            let looker = PostgresConnection(configuration: configuration)
            let jobs = [LogJob.sample(3, session: 1), .sample(4, session: 2)]
            var failure: JournalStoreError?
            while failure == nil {
                do throws(JournalStoreError) { _ = try await store.write(jobs) } catch { failure = error }
            }
            #expect(failure?.code == .unavailable)
            #expect(failure?.message.contains("40P01") == true)
            try await held.value
            #expect(try await store.write(jobs).rejections.isEmpty)
            #expect(try await looker.query("SELECT id FROM messages").count == 4)
            await store.close()
            await other.close()
            await looker.close()
        }
    }

    @Test func `lost races of serializable transactions are run again`() async throws {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
            var address = configuration.connectionString
            address += "%20-cdefault_transaction_isolation%3Dserializable"
            let serializable = try PostgresConfiguration(address)
            let probes = [LogProbe(), LogProbe(), LogProbe()]
            try await onLoop { loop in
                var loggers: [(JournalLogger, Task<Void, Never>, MemoryJobQueue)] = []
                for probe in probes {
                    let queue = MemoryJobQueue(loop: loop)
                    let logger = Self.logger(loop, queue, PostgresStore(configuration: serializable), probe)
                    loggers.append((logger, loop.spawn(on: logger) { await $0.run() }, queue))
                }
                var messages = Messages()
                var total = 0
                // All write to one session, so that each batch races with those of the others.
                while probes.allSatisfy({ $0.count("40001") == 0 }) || total < 300 {
                    for (_, _, queue) in loggers {
                        try await queue.push(messages.jobs(5).map { LogJob.message($0).encoded() })
                        total += 5
                    }
                    try await loop.sleep(for: .milliseconds(5))
                }
                let reader = PostgresConnection(configuration: configuration)
                let expected = total
                try await eventually("all of them", on: loop) {
                    try await reader.query("SELECT id FROM messages").count == expected
                }
                for (logger, task, _) in loggers {
                    await logger.stop()
                    await task.value
                    #expect(await logger.dead == 0)
                }
                await reader.close()
            }
        }
    }

    @Test func `wherever the wire to Postgres is cut, each job is written once`() async throws {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
            // The server of the test run is on loopback.
            let url = configuration.connectionString
            let start = try #require(url.ranges(of: "127.0.0.1:").first)
            let port = try #require(Int(url[start.upperBound...].prefix { $0.isNumber }))
            let proxy = try FaultProxy(to: port)
            let store = PostgresStore(
                configuration: try PostgresConfiguration(
                    url.replacing("127.0.0.1:\(port)", with: "127.0.0.1:\(proxy.port)")))
            try await onLoop { loop in
                let probe = LogProbe()
                let queue = MemoryJobQueue(loop: loop)
                let logger = Self.logger(loop, queue, store, probe)
                let running = loop.spawn(on: logger) { await $0.run() }
                var messages = Messages()
                var total = 0
                func say(_ what: String) async throws {
                    try await queue.push(messages.jobs(5).map { LogJob.message($0).encoded() })
                    total += 5
                    try await eventually(what, on: loop) { await logger.written == total }
                }
                try await say("the first")
                // From the first byte of a reply to beyond the answer to COMMIT, whose loss leaves all in doubt.
                for count in [0, 1, 5, 11, 17, 30, 45, 60, 80, 100] {
                    proxy.set(.cut(after: count))
                    try await say("after a reply cut at \(count)")
                }
                for count in [0, 1, 20, 200, 1_500] {
                    proxy.set(.cut(after: count), on: .requests)
                    try await say("after a request cut at \(count)")
                }
                proxy.set(.replace(with: bytes("HTTP/1.1 400 Bad Request\r\n\r\n")))
                try await say("after nonsense")
                proxy.set(.none)
                proxy.refuse(true)
                proxy.cutAll()
                try await queue.push(messages.jobs(5).map { LogJob.message($0).encoded() })
                total += 5
                let complaints = probe.count("the batch waits")
                try await eventually("complaints", on: loop) { probe.count("the batch waits") > complaints + 1 }
                proxy.refuse(false)
                proxy.set(.trickle(bytes: 20, every: .milliseconds(1)))
                try await say("by a trickle")
                #expect(probe.count("the batch waits") > 10)
                await logger.stop()
                await running.value
                #expect(await logger.dead == 0)
                let reader = PostgresConnection(configuration: configuration)
                #expect(try await reader.query("SELECT id FROM messages").count == total)
                await reader.close()
            }
            await store.close()
        }
    }

    // MARK: Machinery

    private static func raise(_ state: String) -> String {
        """
        CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE 'a fault' USING ERRCODE = '\(state)'; END $$;
        CREATE TRIGGER fault BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION fault()
        """
    }

    static func logger(
        _ loop: EventLoop, _ queue: any JobQueue, _ store: any JournalStore, _ probe: LogProbe
    ) -> JournalLogger {
        var configuration = JournalLogger.Configuration(batch: 50, flush: .milliseconds(2))
        configuration.firstPause = .milliseconds(5)
        configuration.longestPause = .milliseconds(50)
        return JournalLogger(loop: loop, queue: queue, store: store, configuration: configuration, log: probe.log)
    }

    /// Writes, breaks the database by one script, writes until the logger complains in these words, mends it by another, and
    /// expects every message once and no dead letter.
    private func survives(
        _ words: String, fault: String, healing: String, isReconnectNeeded: Bool = false, hasOwnRole: Bool = false
    ) async throws {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
            let admin = PostgresConnection(configuration: configuration)
            // Connected before the fault, so that it can be mended.
            try await admin.connect()
            let role = "r\(UInt64.random(in: .min ... .max))"
            var address = configuration.connectionString
            var (fault, healing) = (fault, healing)
            if hasOwnRole {
                try await admin.simple(
                    """
                    CREATE ROLE \(role) LOGIN PASSWORD 'p';
                    DO $$ BEGIN EXECUTE format('GRANT ALL ON SCHEMA %I TO \(role)', current_schema()); END $$;
                    GRANT ALL ON sessions, messages, erasures TO \(role)
                    """)
                address += "&user=\(role)&password=p"
                fault = fault.replacing("CURRENT_ROLE", with: role)
                healing = healing.replacing("CURRENT_ROLE", with: role)
            }
            let store = PostgresStore(configuration: try PostgresConfiguration(address))
            let probe = LogProbe()
            let (breaking, mending) = (fault, healing)
            try await onLoop { loop in
                let queue = MemoryJobQueue(loop: loop)
                let logger = Self.logger(loop, queue, store, probe)
                let running = loop.spawn(on: logger) { await $0.run() }
                var messages = Messages()
                func say(_ count: Int) async throws {
                    try await queue.push(messages.jobs(count).map { LogJob.message($0).encoded() })
                }
                try await say(20)
                try await eventually("the first", on: loop) { await logger.written == 20 }
                try await admin.simple(breaking)
                if isReconnectNeeded {
                    _ = try await admin.query(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [.text(role)])
                }
                try await say(20)
                try await eventually("a complaint about \(words)", on: loop) { probe.count(words) > 1 }
                #expect(await logger.dead == 0)
                try await admin.simple(mending)
                try await eventually("the rest", on: loop) { await logger.written == 40 }
                await logger.stop()
                await running.value
                #expect(await logger.dead == 0)
            }
            #expect(try await admin.query("SELECT id FROM messages").count == 40)
            await store.close()
            if hasOwnRole { try await admin.simple("DROP OWNED BY \(role); DROP ROLE \(role)") }
            await admin.close()
        }
    }

    private func waitsForLock(_ state: String, options: String, timeout: Duration) async throws {
        try await StoreFixture.withSchema { configuration in
            _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
            var patient = try PostgresConfiguration(configuration.connectionString + options)
            patient.statementTimeout = timeout
            let store = PostgresStore(configuration: patient)
            let blocker = PostgresConnection(configuration: configuration)
            let probe = LogProbe()
            let lock = HeldLock()
            let held = Task {
                try await blocker.transaction { transaction throws(PostgresError) in
                    try transaction.simple("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
                    lock.isTaken.store(true, ordering: .releasing)
                    while !lock.isOver.load(ordering: .acquiring) { usleep(2000) }
                }
            }
            while !lock.isTaken.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(2)) }
            try await onLoop { loop in
                let queue = MemoryJobQueue(loop: loop)
                let logger = Self.logger(loop, queue, store, probe)
                let running = loop.spawn(on: logger) { await $0.run() }
                var messages = Messages()
                try await queue.push(messages.jobs(20).map { LogJob.message($0).encoded() })
                try await eventually("a complaint about \(state)", on: loop) { probe.count(state) > 1 }
                lock.isOver.store(true, ordering: .releasing)
                try await eventually("all", on: loop) { await logger.written == 20 }
                await logger.stop()
                await running.value
                #expect(await logger.dead == 0)
            }
            try await held.value
            await store.close()
            await blocker.close()
        }
    }

    private final class HeldLock: Sendable {
        let isTaken = Atomic(false)
        let isOver = Atomic(false)
    }
}
