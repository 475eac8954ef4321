import Testing

@testable import Postgres

@Suite struct PostgresErrorTests {
    @Test(arguments: [
        ("23505", PostgresError.Code.uniqueViolation, false), ("23503", .foreignKeyViolation, false),
        ("23514", .checkViolation, false), ("23502", .notNullViolation, false), ("23001", .integrityViolation, false),
        ("22021", .invalidData, false), ("22P05", .invalidData, false), ("54000", .invalidData, false),
        ("40001", .serializationFailure, true), ("40P01", .deadlock, true), ("55P03", .lockNotAvailable, true),
        ("57P01", .adminShutdown, true), ("57P03", .adminShutdown, true), ("57014", .statementTimeout, true),
        ("53300", .tooManyConnections, true), ("53100", .diskFull, true), ("53200", .outOfResources, true),
        ("25006", .readOnly, true), ("08006", .connectionLost, true), ("42P01", .undefinedTable, false),
        ("42601", .syntaxError, false), ("3F000", .undefinedSchema, false), ("28P01", .authenticationFailed, false),
        ("XX000", .unknown, false), ("XX001", .notReady, true), ("25P03", .transactionRollback, true),
        ("55006", .notReady, true), ("57000", .notReady, true), ("3D000", .notReady, true),
        ("0A000", .syntaxError, false),
    ])
    func `an SQLSTATE says what happened and whether to try again`(
        sqlState: String, code: PostgresError.Code, retryable: Bool
    ) {
        let error = PostgresError(
            code: .init(sqlState: sqlState), sqlState: sqlState, message: "m", operation: "a query")
        #expect(error.code == code)
        #expect(error.isRetryable == retryable)
    }

    @Test func `a data error's description does not quote the value`() {
        let error = PostgresError(
            code: .invalidData, sqlState: "22P02", message: #"invalid input syntax for type uuid: "hunter2""#,
            operation: "a query")
        #expect(error.description == "a query: invalidData (SQLSTATE 22P02)")
    }

    @Test func `a connection that nobody accepts is a retryable error naming the address`() async throws {
        let connection = PostgresConnection(
            configuration: try PostgresConfiguration("postgres://user:hunter2@127.0.0.1:1/db"))
        let error = await #expect(throws: PostgresError.self) { try await connection.connect() }
        #expect(error?.code == .connectionFailed)
        #expect(error?.isRetryable == true)
        #expect(error?.description.contains("127.0.0.1") == true)
        #expect(error?.description.contains("hunter2") == false)
    }
}

@Suite struct PostgresConfigurationTests {
    @Test(arguments: [
        ("postgres://user:hunter2@db.example:6432/chat?sslmode=require", "db.example:6432/chat"),
        ("postgresql:///chat?host=/run/postgresql", "/run/postgresql:5432/chat"),
        ("host=a,b port=1,2 dbname=chat password=hunter2", "a,b:1,2/chat"),
    ])
    func `the endpoint shows the place and not the password`(text: String, endpoint: String) throws {
        let configuration = try PostgresConfiguration(text)
        #expect(configuration.endpoint == endpoint)
        #expect("\(configuration)".contains("hunter2") == false)
    }

    @Test(arguments: [
        "mysql://user:hunter2@h/db", "postgres://user:hunter2@h:port/db?nonsense=1", "hunter2", "a\u{0}b",
    ])
    func `what libpq cannot read is refused without repeating it`(text: String) {
        let error = #expect(throws: PostgresError.self) { try PostgresConfiguration(text) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.description.contains("hunter2") == false)
    }
}
