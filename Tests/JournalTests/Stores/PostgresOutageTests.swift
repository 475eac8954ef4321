import BridgeCore
import EventLoop
import Glibc
import Postgres
import TestSupport
import Testing

@testable import Journal

/// A Postgres of each test's own that is stopped, killed and held while a logger writes to it.
@Suite(.enabled(if: TestEnvironment.postgresFolder != nil), .timeLimit(.minutes(3))) struct PostgresOutageTests {
    private enum Outage: String, CaseIterable {
        case fastRestart, immediateRestart, killedBackend, killedServer, heldServer
    }

    private static func happens(_ outage: Outage, to server: TestPostgres, _ configuration: PostgresConfiguration)
        async throws
    {
        switch outage {
        case .fastRestart: server.stop(SIGINT)
        case .immediateRestart: server.stop(SIGQUIT)
        case .killedServer: server.stop(SIGKILL)
        case .heldServer: server.signalAll(SIGSTOP)
        case .killedBackend:
            // The server takes all connections down with it, and recovers by itself.
            let admin = PostgresConnection(configuration: configuration)
            let rows = try await admin.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'chatbridge'")
            for index in 0..<rows.count { if let pid = try rows[index].int("pid") { kill(pid_t(pid), SIGKILL) } }
            await admin.close()
        }
    }

    private static func ends(_ outage: Outage, of server: TestPostgres) throws {
        switch outage {
        case .fastRestart, .immediateRestart, .killedServer: try server.start()
        case .heldServer: server.signalAll(SIGCONT)
        case .killedBackend: break
        }
    }

    @Test func `a Postgres that is restarted, killed or held in the middle of a load costs no job and doubles none`()
        async throws
    {
        let server = try TestPostgres()
        var configuration = try PostgresConfiguration(server.url)
        configuration.connectTimeout = .seconds(2)
        let first = PostgresConnection(configuration: configuration)
        try await first.connect(retryingFor: .seconds(30))
        await first.close()
        _ = try await MigrationRunner(try Migrations.embedded(), on: configuration).up()
        let used = configuration
        try await onLoop { loop in
            let probe = LogProbe()
            let queue = MemoryJobQueue(loop: loop)
            let store = PostgresStore(configuration: used)
            let logger = PostgresFaultTests.logger(loop, queue, store, probe)
            let running = loop.spawn(on: logger) { await $0.run() }
            var messages = Messages()
            var total = 0
            func load(_ rounds: Int) async throws {
                for _ in 0..<rounds {
                    try await queue.push(messages.jobs(10).map { LogJob.message($0).encoded() })
                    total += 10
                    try await loop.sleep(for: .milliseconds(3))
                }
            }
            let reader = PostgresConnection(configuration: used)
            for outage in Outage.allCases {
                try await load(20)
                let complaints = probe.count("the batch waits")
                try await Self.happens(outage, to: server, used)
                try await load(30)
                if outage != .heldServer {
                    try await eventually("a complaint", on: loop) { probe.count("the batch waits") > complaints }
                }
                try Self.ends(outage, of: server)
                let expected = total
                try await eventually("all of them after \(outage)", on: loop, within: .seconds(60)) {
                    (try? await reader.query("SELECT id FROM messages").count) == expected
                }
            }
            await logger.stop()
            await running.value
            #expect(await logger.dead == 0)
            await store.close()
            await reader.close()
        }
    }

    @Test func `a call that is cancelled while the server is held ends all the same`() async throws {
        let server = try TestPostgres()
        let connection = PostgresConnection(configuration: try PostgresConfiguration(server.url))
        try await connection.connect(retryingFor: .seconds(30))
        server.signalAll(SIGSTOP)
        let call = Task { try await connection.query("SELECT 1 AS n") }
        try await Task.sleep(for: .milliseconds(50))
        call.cancel()
        // Before: libpq waited for an answer to its cancel request for as long as the server was held.
        let error = await #expect(throws: PostgresError.self) { try await call.value }
        #expect(error?.code == .cancelled)
        server.signalAll(SIGCONT)
        #expect(try await connection.query("SELECT 1 AS n").count == 1)
        await connection.close()
    }
}
