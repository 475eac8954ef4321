import Glibc
import Testing

@testable import Postgres

/// The database of `CHATBRIDGE_TEST_DATABASE_URL`, each test in a schema of its own, dropped afterwards.
enum TestDatabase {
    static let url: String? = getenv("CHATBRIDGE_TEST_DATABASE_URL").map { String(cString: $0) }
    static let isAvailable = url != nil

    /// Each test has up to three connections.
    private static let gate = TestGate(8)

    static func withSchema(
        timeout: Duration = .seconds(30), _ body: @Sendable (PostgresConnection, String) async throws -> Void
    ) async throws {
        try await gate.pass { try await inSchema(timeout: timeout, body) }
    }

    private static func inSchema(
        timeout: Duration, _ body: @Sendable (PostgresConnection, String) async throws -> Void
    ) async throws {
        let schema = "test_\(UInt64.random(in: .min ... .max))"
        let plain = try PostgresConfiguration(try #require(url))
        let admin = PostgresConnection(configuration: plain)
        try await admin.simple("CREATE SCHEMA \(schema)")
        var configuration = try PostgresConfiguration(address(schema: schema))
        configuration.statementTimeout = timeout
        let connection = PostgresConnection(configuration: configuration)
        do {
            try await body(connection, schema)
            await connection.close()
            try await admin.simple("DROP SCHEMA \(schema) CASCADE")
        } catch {
            await connection.close()
            try await admin.simple("DROP SCHEMA \(schema) CASCADE")
            throw error
        }
    }

    static func address(schema: String) throws -> String {
        let url = try #require(url)
        return url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)"
    }
}

/// Waits until a condition holds, giving way meanwhile; false after ten seconds.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
    let clock = ContinuousClock()
    let limit = clock.now.advanced(by: .seconds(10))
    while clock.now < limit {
        if try await condition() { return true }
        await Task.yield()
    }
    return false
}

/// Lets only so many database tests run at a time: a server takes 100 connections by default and all tests share one.
actor TestGate {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ limit: Int) {
        free = limit
    }

    func pass<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
        defer {
            if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
        }
        return try await body()
    }
}
