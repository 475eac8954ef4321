import Glibc
import Testing

@testable import SQLite

@Suite struct SQLiteCursorTests {
    @Test func `rows are lent one by one, as they are in the file`() async throws {
        let folder = try TemporaryFolder()
        let database = folder.database()
        // A text that is not UTF-8: SQLite keeps what it is given.
        try await database.script(
            "CREATE TABLE t (v); INSERT INTO t VALUES (NULL), (7), (1.5), ('a' || char(0) || 'b'), (CAST(x'41ff' AS TEXT)), (x'00ff')"
        )
        let seen = try await database.read("SELECT v FROM t ORDER BY rowid") { (rows) throws(SQLiteError) in
            var seen: [[UInt8]] = []
            var kinds: [SQLiteCursor.Kind] = []
            while try rows.next() {
                kinds.append(rows.kind(0))
                seen.append(rows.kind(0) == .null ? [] : rows.bytes(0) { Array($0) })
            }
            #expect(rows.columns == ["v"])
            #expect(kinds == [.null, .integer, .real, .text, .text, .blob])
            return seen
        }
        #expect(seen == [[], [0x37], Array("1.5".utf8), [0x61, 0, 0x62], [0x41, 0xff], [0, 0xff]])
    }

    @Test func `a text of a file in UTF-16 is lent as UTF-8`() async throws {
        let folder = try TemporaryFolder()
        let database = folder.database()
        try await database.script("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (v); INSERT INTO t VALUES ('Grüße')")
        try await database.define("same", arguments: 1) { .utf8($0.bytes(0) { Array($0) }) }
        let text = try await database.read("SELECT same(v) FROM t") { (rows) throws(SQLiteError) in
            _ = try rows.next()
            return rows.bytes(0) { String(decoding: $0, as: UTF8.self) }
        }
        #expect(text == "Grüße")
    }

    @Test func `a closure may stop in the middle, and the statement serves again`() async throws {
        let folder = try TemporaryFolder()
        let database = folder.database()
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i > ?"
        for start in [Int64(0), 40] {
            let first = try await database.read(sql, [.integer(start)]) { (rows) throws(SQLiteError) in
                try rows.next() ? rows.integer(0) : nil
            }
            #expect(first == start + 1)
        }
    }

    @Test func `another statement runs in the middle of one's rows`() async throws {
        let folder = try TemporaryFolder()
        let pairs = try await folder.database().read("SELECT 1 UNION ALL SELECT 2") { (rows) throws(SQLiteError) in
            var pairs: [[Int64]] = []
            while try rows.next() {
                let number = rows.integer(0)
                pairs.append(
                    try rows.read("SELECT ? * 10", [.integer(number)]) { (inner) throws(SQLiteError) in
                        _ = try inner.next()
                        return [number, inner.integer(0)]
                    })
            }
            return pairs
        }
        #expect(pairs == [[1, 10], [2, 20]])
    }

    @Test func `an error in the middle of the rows is thrown`() async throws {
        let folder = try TemporaryFolder()
        let database = folder.database()
        await #expect(throws: SQLiteError.self) {
            try await database.read(
                "SELECT json(v) FROM (SELECT '1' AS v UNION ALL SELECT 'no JSON')"
            ) { (rows) throws(SQLiteError) in
                while try rows.next() {}
            }
        }
    }

    @Test func `SQL calls a function of ours`() async throws {
        let folder = try TemporaryFolder()
        let database = folder.database()
        try await database.define("twice", arguments: 1) { arguments in
            switch arguments.kind(0) {
            case .integer: .integer(arguments.integer(0) * 2)
            case .real: .real(arguments.real(0) * 2)
            case .text: .utf8(arguments.bytes(0) { Array($0) + Array($0) })
            case .blob: .blob(arguments.bytes(0) { Array($0) + Array($0) })
            case .null: .null
            }
        }
        let rows = try await database.query("SELECT twice(21), twice(1.5), twice('ab'), twice(x'01'), twice(NULL)")
        #expect(rows.rows == [[.integer(42), .real(3), .text("abab"), .blob([1, 1]), .null]])
    }

    @Test func `an immutable file is opened under any name, and without its WAL`() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/odd ?name#%41é.db"
        let writer = SQLiteDatabase(configuration: SQLiteConfiguration(path: path))
        try await writer.script("CREATE TABLE t (v); INSERT INTO t VALUES (1); PRAGMA wal_checkpoint(TRUNCATE)")
        try await writer.script("INSERT INTO t VALUES (2)")
        var configuration = SQLiteConfiguration(path: path)
        configuration.readOnly = true
        let plain = SQLiteDatabase(configuration: configuration)
        #expect(try await plain.query("SELECT count(*) FROM t").rows == [[.integer(2)]])
        await plain.close()
        configuration.isImmutable = true
        let immutable = SQLiteDatabase(configuration: configuration)
        #expect(try await immutable.query("SELECT count(*) FROM t").rows == [[.integer(1)]])
        await immutable.close()
        await writer.close()
    }
}
