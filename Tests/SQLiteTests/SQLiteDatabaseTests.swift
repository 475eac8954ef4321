import Glibc
import Testing

@testable import SQLite

/// A folder for one test, removed with all its files when the test is through.
struct TemporaryFolder: ~Copyable {
    let path: String

    init() throws {
        var template = Array("/tmp/chatbridge-sqlite-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        path = String(cString: made)
    }

    deinit {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink("\(path)/\(name)")
            }
            closedir(folder)
        }
        rmdir(path)
    }

    func database(_ name: String = "test.db") -> SQLiteDatabase {
        SQLiteDatabase(configuration: SQLiteConfiguration(path: "\(path)/\(name)"))
    }
}

@Suite struct SQLiteDatabaseTests {
    @Test(arguments: [
        SQLiteValue.null, .integer(.min), .integer(.max), .real(1.5), .text(""),
        .text("Grüße 👋 \u{202E}\u{0}after NUL"),
        .blob([]), .blob([0, 255]),
    ])
    func `a value comes back as it went`(value: SQLiteValue) async throws {
        let folder = try TemporaryFolder()
        let row = try #require(try await folder.database().query("SELECT ? AS v", [value]).first)
        #expect(try row.value("v") == value)
    }

    @Test func `bytes that are UTF-8 already are stored as text`() async throws {
        let folder = try TemporaryFolder()
        let row = try #require(
            try await folder.database().query("SELECT ? AS v, typeof(?1) AS t", [.utf8(Array("{\"a\":1}".utf8))]).first)
        #expect(try row.text("v") == "{\"a\":1}")
        #expect(try row.text("t") == "text")
    }

    @Test func `the file is in WAL mode, private, and keeps foreign keys`() async throws {
        let folder = try TemporaryFolder()
        let database = folder.database()
        #expect(try await database.query("PRAGMA journal_mode").rows == [[.text("wal")]])
        #expect(try await database.query("PRAGMA synchronous").rows == [[.integer(1)]])
        #expect(try await database.query("PRAGMA busy_timeout").rows == [[.integer(5000)]])
        try await database.script(
            "CREATE TABLE a(i INTEGER PRIMARY KEY); CREATE TABLE b(a INTEGER NOT NULL REFERENCES a)")
        let error = await #expect(throws: SQLiteError.self) {
            try await database.execute("INSERT INTO b VALUES (?)", [.integer(1)])
        }
        #expect(error?.code == .foreignKeyViolation)
        var status = stat()
        #expect(stat("\(folder.path)/test.db", &status) == 0)
        #expect(status.st_mode & 0o077 == 0)
    }

    @Test(arguments: [
        ("INSERT INTO t VALUES (1, 1, 1)", SQLiteError.Code.uniqueViolation),
        ("INSERT INTO t VALUES (2, 1, 2)", .uniqueViolation), ("INSERT INTO t VALUES (3, NULL, 3)", .notNullViolation),
        ("INSERT INTO t VALUES (4, 4, -1)", .checkViolation), ("INSERT INTO missing VALUES (1)", .sql),
        ("SELEC 1", .sql), ("SELECT 1; SELECT 2", .sql), ("", .sql),
    ])
    func `an error says what happened and is not worth a retry`(sql: String, code: SQLiteError.Code) async throws {
        let folder = try TemporaryFolder()
        let database = folder.database()
        try await database.script(
            "CREATE TABLE t(i INTEGER PRIMARY KEY, j INTEGER NOT NULL UNIQUE, k INTEGER CHECK (k > 0))")
        try await database.execute("INSERT INTO t VALUES (1, 1, 1)")
        let error = await #expect(throws: SQLiteError.self) { try await database.query(sql) }
        #expect(error?.code == code)
        #expect(error?.isRetryable == false)
        #expect(try await database.query("SELECT 1 AS n").first?.int("n") == 1)
    }

    @Test func `a transaction is all or nothing`() async throws {
        let folder = try TemporaryFolder()
        let database = folder.database()
        try await database.script("CREATE TABLE t(i INTEGER PRIMARY KEY)")
        let affected = try await database.transaction { transaction throws(SQLiteError) in
            try transaction.execute("INSERT INTO t VALUES (?), (?)", [.integer(1), .integer(2)])
        }
        #expect(affected == 2)
        let error = await #expect(throws: SQLiteError.self) {
            try await database.transaction { transaction throws(SQLiteError) in
                try transaction.execute("INSERT INTO t VALUES (?)", [.integer(3)])
                try transaction.execute("INSERT INTO t VALUES (?)", [.integer(1)])
            }
        }
        #expect(error?.code == .uniqueViolation)
        #expect(try await database.query("SELECT i FROM t ORDER BY i").rows == [[.integer(1)], [.integer(2)]])
    }

    @Test func `two connections write the same file without being refused`() async throws {
        let folder = try TemporaryFolder()
        let first = folder.database()
        let second = folder.database()
        try await first.script("CREATE TABLE t(i INTEGER PRIMARY KEY)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    let database = number.isMultiple(of: 2) ? first : second
                    try await database.transaction { transaction throws(SQLiteError) in
                        _ = try transaction.query("SELECT count(*) FROM t")
                        try transaction.execute("INSERT INTO t VALUES (?)", [.integer(Int64(number))])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await first.query("SELECT count(*) AS n FROM t").first?.int("n") == 40)
    }

    @Test func `a lock held too long is a retryable error`() async throws {
        let folder = try TemporaryFolder()
        let holder = folder.database()
        try await holder.script("CREATE TABLE t(i INTEGER PRIMARY KEY); BEGIN IMMEDIATE")
        var configuration = SQLiteConfiguration(path: "\(folder.path)/test.db")
        configuration.busyTimeout = .milliseconds(20)
        let waiter = SQLiteDatabase(configuration: configuration)
        let error = await #expect(throws: SQLiteError.self) { try await waiter.execute("INSERT INTO t VALUES (1)") }
        #expect(error?.code == .busy)
        #expect(error?.isRetryable == true)
        try await holder.script("COMMIT")
        #expect(try await waiter.execute("INSERT INTO t VALUES (1)") == 1)
    }

    @Test func `what was committed is there after closing, and a closed database stays closed`() async throws {
        let folder = try TemporaryFolder()
        let first = folder.database()
        try await first.script("CREATE TABLE t(i); INSERT INTO t VALUES (7)")
        await first.close()
        let error = await #expect(throws: SQLiteError.self) { try await first.query("SELECT 1") }
        #expect(error?.code == .closed)
        #expect(try await folder.database().query("SELECT i FROM t").first?.int("i") == 7)
    }

    @Test func `a file opened for reading is neither made nor changed`() async throws {
        let folder = try TemporaryFolder()
        var configuration = SQLiteConfiguration(path: "\(folder.path)/none.db")
        configuration.readOnly = true
        let missing = await #expect(throws: SQLiteError.self) {
            try await SQLiteDatabase(configuration: configuration).open()
        }
        #expect(missing?.code == .cannotOpen)
        #expect(access(configuration.path, F_OK) != 0)

        try await folder.database("some.db").script("CREATE TABLE t(i)")
        configuration.path = "\(folder.path)/some.db"
        let reader = SQLiteDatabase(configuration: configuration)
        let refused = await #expect(throws: SQLiteError.self) { try await reader.execute("INSERT INTO t VALUES (1)") }
        #expect(refused?.code == .readOnly)
    }

    @Test func `a file that is no database is said to be none`() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/letter.txt"
        let file = try #require(fopen(path, "w"))
        for _ in 0..<200 { fputs("Dear database, you are not one.\n", file) }
        fclose(file)
        let error = await #expect(throws: SQLiteError.self) {
            try await SQLiteDatabase(configuration: SQLiteConfiguration(path: path)).open()
        }
        #expect(error?.code == .notADatabase)
    }

    @Test func `more statements than the cache holds still run`() async throws {
        let folder = try TemporaryFolder()
        let database = folder.database()
        for number in 0..<300 {
            #expect(try await database.query("SELECT \(number) AS n").first?.int("n") == number)
        }
    }

    @Test func `the wrong type or column is an error, not a wrong value`() async throws {
        let folder = try TemporaryFolder()
        let row = try #require(try await folder.database().query("SELECT 'a' AS t").first)
        #expect(throws: SQLiteError.self) { try row.int("t") }
        #expect(throws: SQLiteError.self) { try row.text("u") }
    }
}
