import Glibc
import Testing

@testable import Postgres

/// The database of `CHATBRIDGE_TEST_DATABASE_URL`, each test in a schema of its own, dropped afterwards.
enum TestDatabase {
    static let url: String? = getenv("CHATBRIDGE_TEST_DATABASE_URL").map { String(cString: $0) }
    static let isAvailable = url != nil

    static func withSchema<Result>(
        timeout: Duration = .seconds(30), _ body: (PostgresConnection, String) async throws -> Result
    ) async throws -> Result {
        let schema = "test_\(UInt64.random(in: .min ... .max))"
        let plain = try PostgresConfiguration(try #require(url))
        let admin = PostgresConnection(configuration: plain)
        try await admin.simple("CREATE SCHEMA \(schema)")
        var configuration = try PostgresConfiguration(address(schema: schema))
        configuration.statementTimeout = timeout
        let connection = PostgresConnection(configuration: configuration)
        do {
            let result = try await body(connection, schema)
            await connection.close()
            try await admin.simple("DROP SCHEMA \(schema) CASCADE")
            return result
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
