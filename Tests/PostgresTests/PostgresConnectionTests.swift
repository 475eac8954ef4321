import Testing

@testable import Postgres

// Disabled without CHATBRIDGE_TEST_DATABASE_URL: these need a real server.
@Suite(.enabled(if: TestDatabase.isAvailable)) struct PostgresConnectionTests {
    @Test func `every type comes back as it went`() async throws {
        try await TestDatabase.withSchema { database, _ in
            let uuid = PostgresUUID(high: 0x0199_aaaa_bbbb_7ccc, low: 0x8ddd_0000_0000_0001)
            let rows = try await database.query(
                """
                SELECT $1 AS t, $2 AS b, $3 AS i4, $4 AS i8, $5 AS u, $6 AS ts, $7 AS j, $8 AS y, $9::text AS n,
                       (-7)::int2 AS i2, 1.5::float8 AS d, $5::text AS ut, $6::text AS tst
                """,
                [
                    .text("Grüße 👋 \u{202E}"), .bool(true), .int4(.min), .int8(.max), .uuid(uuid),
                    .timestamptz(microsecondsSinceUnixEpoch: 1_763_683_200_123_456),
                    .jsonb(Array(#"{"a":[1,null]}"#.utf8)),
                    .bytea([0, 255, 10]), .null,
                ])
            let row = try #require(rows.first)
            #expect(try row.text("t") == "Grüße 👋 \u{202E}")
            #expect(try row.bool("b") == true)
            #expect(try row.int("i4") == Int(Int32.min))
            #expect(try row.int("i8") == Int.max)
            #expect(try row.uuid("u") == uuid)
            #expect(try row.text("ut") == uuid.description)
            #expect(try row.microsecondsSinceUnixEpoch("ts") == 1_763_683_200_123_456)
            #expect(try row.text("j") == #"{"a": [1, null]}"#)
            #expect(try row.json("j") == Array(#"{"a": [1, null]}"#.utf8))
            #expect(try row.bytes("y") == [0, 255, 10])
            #expect(try row.text("n") == nil)
            #expect(try row.isNull("n"))
            #expect(try row.int("i2") == -7)
            #expect(try row.double("d") == 1.5)
        }
    }

    @Test(arguments: [
        (0, "1970-01-01 00:00:00+00"), (-1, "1969-12-31 23:59:59.999999+00"),
        (946_684_800_000_000, "2000-01-01 00:00:00+00"), (4_102_444_800_000_001, "2100-01-01 00:00:00.000001+00"),
    ])
    func `a time means the same to the server`(microseconds: Int64, text: String) async throws {
        try await TestDatabase.withSchema { database, _ in
            try await database.simple("SET TimeZone = 'UTC'")
            let rows = try await database.query(
                "SELECT $1::timestamptz::text AS t", [.timestamptz(microsecondsSinceUnixEpoch: microseconds)])
            #expect(try rows[0].text("t") == text)
        }
    }

    @Test func `a time that no calendar holds is refused, not wrapped`() async throws {
        try await TestDatabase.withSchema { database, _ in
            let error = await #expect(throws: PostgresError.self) {
                try await database.query(
                    "SELECT $1::timestamptz AS t", [.timestamptz(microsecondsSinceUnixEpoch: .min)])
            }
            #expect(error?.code == .invalidData)
        }
    }

    @Test func `NUL in text is refused as invalid data and is not worth a retry`() async throws {
        try await TestDatabase.withSchema { database, _ in
            let error = await #expect(throws: PostgresError.self) {
                try await database.query("SELECT $1::text AS t", [.text("secret\u{0}text")])
            }
            #expect(error?.code == .invalidData)
            #expect(error?.sqlState == "22021")
            #expect(error?.isRetryable == false)
            let after = try await database.query("SELECT 1 AS one")
            #expect(try after[0].int("one") == 1)
        }
    }

    @Test func `arrays keep NULLs, emptiness and order`() async throws {
        try await TestDatabase.withSchema { database, _ in
            var uuids = PostgresArrayBuilder(.uuid, capacity: 3)
            var texts = PostgresArrayBuilder(.text)
            var times = PostgresArrayBuilder(.timestamptz)
            var documents = PostgresArrayBuilder(.jsonb)
            let uuid = PostgresUUID(high: 1, low: 2)
            uuids.append(uuid)
            uuids.appendNull()
            uuids.append(PostgresUUID(high: .max, low: .max))
            texts.append("a")
            texts.append(String?.none)
            texts.append("")
            times.append(microsecondsSinceUnixEpoch: 5)
            times.appendNull()
            times.append(microsecondsSinceUnixEpoch: -5)
            documents.append(json: Array("{}".utf8))
            documents.appendNull()
            documents.append(json: Array("[1]".utf8))
            #expect(uuids.count == 3)
            let rows = try await database.query(
                "SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::jsonb[]) AS r(u, t, s, j)",
                [.array(uuids.finish()), .array(texts.finish()), .array(times.finish()), .array(documents.finish())])
            #expect(try rows.map { try $0.uuid("u") } == [uuid, nil, PostgresUUID(high: .max, low: .max)])
            #expect(try rows.map { try $0.text("t") } == ["a", nil, ""])
            #expect(try rows.map { try $0.microsecondsSinceUnixEpoch("s") } == [5, nil, -5])
            #expect(try rows.map { try $0.text("j") } == ["{}", nil, "[1]"])

            let none = try await database.query(
                "SELECT cardinality($1::uuid[]) AS n", [.array(PostgresArrayBuilder(.uuid).finish())])
            #expect(try none[0].int("n") == 0)
        }
    }

    @Test func `a pipeline commits all its statements or none`() async throws {
        try await TestDatabase.withSchema { database, _ in
            try await database.simple("CREATE TABLE t(i int8 PRIMARY KEY)")
            let insert = "INSERT INTO t VALUES ($1)"
            let results = try await database.pipeline([
                PostgresStatement(insert, [.int8(1)]), PostgresStatement(insert, [.int8(2)]),
                PostgresStatement("SELECT count(*) AS n FROM t"),
            ])
            #expect(results.map(\.affected) == [1, 1, 1])
            #expect(try results[2][0].int("n") == 2)

            let error = await #expect(throws: PostgresError.self) {
                try await database.pipeline([
                    PostgresStatement(insert, [.int8(3)]), PostgresStatement(insert, [.int8(1)]),
                    PostgresStatement(insert, [.int8(4)]),
                ])
            }
            #expect(error?.code == .uniqueViolation)
            #expect(error?.constraint == "t_pkey")
            #expect(error?.operation.contains("statement 2") == true)
            #expect(try await database.query("SELECT count(*) AS n FROM t")[0].int("n") == 2)
            #expect(await database.connectionCount == 1)
        }
    }

    @Test func `a statement that cannot be prepared is not remembered as prepared`() async throws {
        try await TestDatabase.withSchema { database, _ in
            let sql = "SELECT i FROM later"
            let error = await #expect(throws: PostgresError.self) { try await database.query(sql) }
            #expect(error?.code == .undefinedTable)
            try await database.simple("CREATE TABLE later(i int8)")
            #expect(try await database.query(sql).count == 0)
        }
    }

    @Test func `a changed table spoils a plan once, retryably`() async throws {
        try await TestDatabase.withSchema { database, _ in
            try await database.simple("CREATE TABLE t(i int8)")
            #expect(try await database.query("SELECT * FROM t").count == 0)
            try await database.simple("ALTER TABLE t ADD COLUMN j int8; INSERT INTO t VALUES (1, 2)")
            let error = await #expect(throws: PostgresError.self) { try await database.query("SELECT * FROM t") }
            #expect(error?.code == .undefinedStatement)
            #expect(error?.isRetryable == true)
            #expect(try await database.query("SELECT * FROM t")[0].int("j") == 2)
        }
    }

    @Test func `more statements than the cache holds still run`() async throws {
        try await TestDatabase.withSchema { database, _ in
            for number in 0..<300 {
                #expect(try await database.query("SELECT \(number) AS n, $1 AS p", [.int4(1)])[0].int("n") == number)
            }
            let held = try await database.query("SELECT count(*) AS n FROM pg_prepared_statements")
            #expect(try #require(try held[0].int("n")) <= 128)
        }
    }

    @Test func `a terminated backend is a retryable error and the next call reconnects`() async throws {
        try await TestDatabase.withSchema { database, schema in
            let other = PostgresConnection(
                configuration: try PostgresConfiguration(TestDatabase.address(schema: schema)))
            #expect(try await database.query("SELECT $1::int4 AS n", [.int4(7)])[0].int("n") == 7)
            let backend = try await database.query("SELECT pg_backend_pid() AS pid")[0].int("pid")
            async let sleeping: PostgresError? = {
                do throws(PostgresError) {
                    _ = try await database.query("SELECT pg_sleep(60)")
                    return nil
                } catch { return error }
            }()
            let terminated = try await eventually {
                try await other.query(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE pid = $1 AND query LIKE 'SELECT pg_sleep%' AND state = 'active'
                    """, [.int4(Int32(backend ?? 0))]
                ).count == 1
            }
            #expect(terminated)
            let error = try #require(await sleeping)
            #expect(error.isRetryable)
            #expect(error.code == .adminShutdown || error.code == .connectionLost)
            // The statement was prepared on the old connection; the new one must prepare it again.
            #expect(try await database.query("SELECT $1::int4 AS n", [.int4(8)])[0].int("n") == 8)
            #expect(await database.connectionCount == 2)
        }
    }

    @Test func `a backend terminated while idle costs no error at all`() async throws {
        try await TestDatabase.withSchema { database, schema in
            let other = PostgresConnection(
                configuration: try PostgresConfiguration(TestDatabase.address(schema: schema)))
            let backend = try await database.query("SELECT pg_backend_pid() AS pid")[0].int("pid")
            _ = try await other.query("SELECT pg_terminate_backend($1)", [.int4(Int32(backend ?? 0))])
            let gone = try await eventually {
                try await other.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", [.int4(Int32(backend ?? 0))])
                    .count == 0
            }
            #expect(gone)
            #expect(try await database.query("SELECT 1 AS n")[0].int("n") == 1)
            #expect(await database.connectionCount == 2)
        }
    }

    @Test func `a cancelled task stops its statement on the server and leaves the connection usable`() async throws {
        try await TestDatabase.withSchema { database, schema in
            let other = PostgresConnection(
                configuration: try PostgresConfiguration(TestDatabase.address(schema: schema)))
            try await database.connect()
            let clock = ContinuousClock()
            let start = clock.now
            let task = Task { () -> PostgresError? in
                do throws(PostgresError) {
                    _ = try await database.query("SELECT pg_sleep(60) AS \(schema)")
                    return nil
                } catch { return error }
            }
            let running = try await eventually {
                try await other.query(
                    "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = $1",
                    [.text("SELECT pg_sleep(60) AS \(schema)")]
                ).count == 1
            }
            #expect(running)
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled)
            #expect(start.duration(to: clock.now) < .seconds(30))
            #expect(try await database.query("SELECT 1 AS n")[0].int("n") == 1)
            #expect(await database.connectionCount == 1)
        }
    }

    @Test func `a cancelled transaction is rolled back on a connection that goes on`() async throws {
        try await TestDatabase.withSchema { database, schema in
            try await database.simple("CREATE TABLE t(i int4)")
            let other = PostgresConnection(
                configuration: try PostgresConfiguration(TestDatabase.address(schema: schema)))
            let task = Task { () -> PostgresError? in
                do throws(PostgresError) {
                    try await database.transaction { transaction throws(PostgresError) in
                        _ = try transaction.query("INSERT INTO t VALUES (1)")
                        _ = try transaction.query("SELECT pg_sleep(60) AS \(schema)")
                    }
                    return nil
                } catch { return error }
            }
            let running = try await eventually {
                try await other.query(
                    "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = $1",
                    [.text("SELECT pg_sleep(60) AS \(schema)")]
                ).count == 1
            }
            #expect(running)
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            #expect(try await database.query("SELECT i FROM t").count == 0)
            #expect(await database.connectionCount == 1)
        }
    }

    @Test func `a statement over its time is stopped by the server`() async throws {
        try await TestDatabase.withSchema(timeout: .milliseconds(100)) { database, _ in
            let error = await #expect(throws: PostgresError.self) { try await database.query("SELECT pg_sleep(60)") }
            #expect(error?.code == .statementTimeout)
            #expect(error?.isRetryable == true)
        }
    }

    @Test func `binary COPY writes rows and a bad one takes back all`() async throws {
        try await TestDatabase.withSchema { database, _ in
            try await database.simple("CREATE TABLE t(u uuid PRIMARY KEY, t text, s timestamptz, j jsonb)")
            func data(_ ids: [UInt64]) -> [UInt8] {
                var builder = PostgresCopyBuilder()
                for id in ids {
                    builder.beginRow(fields: 4)
                    builder.append(PostgresUUID(high: 0, low: id))
                    builder.append(id == 2 ? nil : String(repeating: "x", count: 10_000))
                    builder.append(microsecondsSinceUnixEpoch: 1)
                    builder.append(json: Array("[]".utf8))
                }
                return builder.finish()
            }
            let copy = "COPY t FROM STDIN (FORMAT binary)"
            let bytes = data(Array(1...2000))
            let chunks = stride(from: 0, to: bytes.count, by: 70_001).map {
                Array(bytes[$0..<min($0 + 70_001, bytes.count)])
            }
            #expect(try await database.copyIn(copy, chunks: chunks) == 2000)
            let error = await #expect(throws: PostgresError.self) {
                try await database.copyIn(copy, chunks: [data([5000, 1])])
            }
            #expect(error?.code == .uniqueViolation)
            let refused = await #expect(throws: PostgresError.self) {
                try await database.copyIn("SELECT 1", chunks: [])
            }
            #expect(refused?.code == .syntaxError)
            #expect(try await database.query("SELECT count(*) AS n FROM t")[0].int("n") == 2000)
            #expect(await database.connectionCount == 1)
        }
    }

    @Test func `a transaction is rolled back when its closure throws`() async throws {
        try await TestDatabase.withSchema { database, _ in
            try await database.simple("CREATE TABLE t(i int4 PRIMARY KEY)")
            let kept = try await database.transaction { transaction throws(PostgresError) in
                _ = try transaction.query("INSERT INTO t VALUES ($1)", [.int4(1)])
                return try transaction.query("SELECT i FROM t").count
            }
            #expect(kept == 1)
            let error = await #expect(throws: PostgresError.self) {
                try await database.transaction { transaction throws(PostgresError) in
                    _ = try transaction.query("INSERT INTO t VALUES ($1)", [.int4(2)])
                    _ = try transaction.query("INSERT INTO t VALUES ($1)", [.int4(1)])
                }
            }
            #expect(error?.code == .uniqueViolation)
            #expect(try await database.query("SELECT i FROM t").count == 1)
        }
    }

    @Test func `large parameters and large results do not lock up`() async throws {
        try await TestDatabase.withSchema { database, _ in
            let text = String(repeating: "ä", count: 4_000_000)
            let statement = PostgresStatement("SELECT $1::text AS t", [.text(text)])
            let results = try await database.pipeline([statement, statement, statement])
            #expect(results.count == 3)
            #expect(try results[2][0].text("t") == text)
        }
    }

    @Test func `calls of many tasks are served one at a time`() async throws {
        try await TestDatabase.withSchema { database, _ in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        try await database.query("SELECT $1::int4 AS n", [.int4(Int32(number))])[0].int("n")
                    }
                }
                var seen: Set<Int> = []
                for try await number in group { seen.insert(try #require(number)) }
                #expect(seen.count == 100)
            }
        }
    }

    @Test func `a closed connection stays closed`() async throws {
        try await TestDatabase.withSchema { database, _ in
            try await database.connect()
            await database.close()
            let error = await #expect(throws: PostgresError.self) { try await database.query("SELECT 1") }
            #expect(error?.code == .connectionLost)
        }
    }

    @Test func `the wrong type or column is an error, not a wrong value`() async throws {
        try await TestDatabase.withSchema { database, _ in
            let row = try #require(try await database.query("SELECT 'a'::text AS t").first)
            #expect(throws: PostgresError.self) { try row.int("t") }
            #expect(throws: PostgresError.self) { try row.text("u") }
        }
    }
}
