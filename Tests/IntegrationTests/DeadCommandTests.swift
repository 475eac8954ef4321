import BridgeCore
import Glibc
import JSON
import Redis
import SQLite
import TestSupport
import Testing

/// `chatbridge dead` over a real Redis and the real file of the embedded mode.
@Suite(
    .enabled(if: TestEnvironment.redisServer != nil && TestEnvironment.databaseURL != nil), .timeLimit(.minutes(5)))
struct DeadCommandTests {
    private static func letter(_ number: Int, error: String = "refused") -> String {
        """
        {"error":"\(error)","at":"2026-11-21T01:50:34.275079Z","logger":"t","job":{"v":1,"kind":"message",\
        "id":"\(id(number))","at":"2026-11-20T10:00:00.123456Z","session":{"id":"0199a6f0-7c1e-7000-8000-0000000000ff",\
        "platform":"crm","conversation":"c-17"},"direction":"inbound","text":"letter \(number)"}}
        """
    }

    private static func id(_ number: Int) -> String {
        let digits = String(number)
        return "0199a6f0-7c1e-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    private static func json(_ output: String) throws -> JSONView { try JSONView(parsing: output) }

    @Test func `thousands of letters are listed in pages, and all go back to the queue once`() async throws {
        let bench = try await OperatorBench()
        let stack = try await TestStack.shared([:])
        let redis = try bench.redis(stack.redisURL)
        for start in stride(from: 0, to: 2500, by: 500) {
            var push = RedisCommand("LPUSH", "\(stack.prefix):log:dead")
            for number in start..<start + 500 { push.append(Self.letter(number)) }
            try await redis.send(push)
        }
        var (code, output) = try stack.command(["dead", "list", "--limit", "1200", "--json"])
        #expect(code == 0)
        let page = try Self.json(output)
        #expect(page["counts"]["log"].int == 2500 && page["counts"]["delivery"].int == 0)
        #expect(page["letters"].count == 1200)
        // The newest come first.
        #expect(page["letters"][0]["message"].string == Self.id(2499))
        (code, output) = try stack.command(["dead"])
        #expect(output.contains("log: 2500 dead letters") && output.contains("2450 more: --offset 50"), "\(output)")
        (code, output) = try stack.command(["dead", "list", "--offset", "2499", "--kind", "log"])
        #expect(output.contains("inbound crm c-17") && !output.contains("more:"), "\(output)")

        (code, output) = try stack.command(["dead", "show", Self.id(7)])
        #expect(code == 0 && output.contains("letter 7") && output.contains("refused"), "\(output)")
        (code, output) = try stack.command(["dead", "retry", Self.id(7), "--json"])
        #expect(code == 0)
        #expect(try Self.json(output)["done"].int == 1)
        (code, output) = try stack.command(["dead", "drop", Self.id(8), "--yes"])
        #expect(code == 0 && output.contains("1 dropped"), "\(output)")
        (code, output) = try stack.command(["dead", "retry", "--all"])
        #expect(code == 0 && output.contains("2498 retried: back in the queue"), "\(output)")
        #expect(try await redis.send(["LLEN", "\(stack.prefix):log:dead"]).integer == 0)
        #expect(try await redis.send(["LLEN", "\(stack.prefix):log"]).integer == 2499)
        (code, output) = try stack.command(["dead", "retry", "--all"])
        #expect(code == 0 && output.contains("no dead letters"), "\(output)")

        try stack.startLogger()
        #expect(try await eventually { try await stack.count() == 2499 }, "\(stack.output)")
        #expect(stack.logger?.end(SIGTERM) == 0)
    }

    @Test func `a letter that two retry at once goes back once`() async throws {
        let bench = try await OperatorBench()
        let stack = try await TestStack.shared([:])
        let redis = try bench.redis(stack.redisURL)
        var push = RedisCommand("LPUSH", "\(stack.prefix):log:dead")
        for number in 0..<300 { push.append(Self.letter(number)) }
        try await redis.send(push)
        let both = try (0..<2).map { _ in
            try ChildProcess(
                [TestEnvironment.chatbridge, "dead", "retry", "--all"], environment: stack.commandVariables(),
                output: stack.folder.path("both"))
        }
        for process in both { #expect(process.wait() == 0) }
        #expect(try await redis.send(["LLEN", "\(stack.prefix):log"]).integer == 300)
    }

    @Test func `a delivery that is retried is answered by the bridge that runs, and again when it dies once more`()
        async throws
    {
        let bench = try await OperatorBench(["ACK": "durable"])
        let stack = try await TestStack.shared(bench.variables)
        let redis = try bench.redis(stack.redisURL)
        try stack.startBridge()
        bench.agentGate.set(closed: true)
        try await bench.say("what now", message: 61, to: stack.url)
        #expect(await eventually { bench.agent.requests.count == 1 })
        stack.bridge?.end(SIGKILL)
        // Its event becomes a dead letter, as a bridge would file it.
        let inbox = "\(stack.prefix):inbox"
        let bridge = try #require(try await redis.send(["HKEYS", "\(inbox):bridges"]).array?.first?.text)
        let held = try #require(try await redis.send(["HGETALL", "\(inbox):held:\(bridge)"]).array)
        let (id, record) = (try #require(held[0].text), try #require(held[1].text))
        let payload = record[try #require(record.firstIndex(of: "{"))...]
        try await redis.send([
            "DEL", "\(inbox):held:\(bridge)", "\(inbox):lanes", "\(inbox):bridges", "\(inbox):lease:\(bridge)",
        ])
        let letter = #"{"error":"in doubt","at":"2026-11-21T01:50:34.275079Z","id":"\#(id)","payload":\#(payload)}"#
        try await redis.send(["LPUSH", "\(inbox):dead", letter])
        try await redis.send(["SET", "\(inbox):letter:\(id)", ""])

        var (code, output) = try stack.command(["dead", "list"])
        #expect(code == 0 && output.contains("delivery: 1 dead letter") && output.contains("telegram 42"), "\(output)")
        let traced = TraceReport(try stack.command(["trace", id, "--json"]))
        #expect(traced.place == "dead" && traced.detail.contains("in doubt"), "\(traced.output)")

        bench.agentGate.set(closed: false)
        // Nobody runs: it waits for whoever starts.
        (code, output) = try stack.command(["dead", "retry", id])
        #expect(code == 0 && output.contains("the next that starts answers it"), "\(output)")
        try stack.startBridge()
        #expect(await eventually { bench.shown == ["answer to what now"] }, "\(stack.output)")
        #expect(try await eventually { try await redis.send(["HLEN", "\(inbox):lanes"]).integer == 0 })
        #expect(try await redis.send(["LLEN", "\(inbox):dead"]).integer == 0)

        try await redis.send(["LPUSH", "\(inbox):dead", letter])
        (code, output) = try stack.command(["dead", "retry", "--all", "--kind", "delivery"])
        #expect(code == 0 && output.contains("a bridge answers it now"), "\(output)")
        #expect(await eventually { bench.shown.count == 2 }, "\(stack.output)")
        // Afterwards all goes on as before.
        try await bench.say("and then", message: 62, to: stack.url)
        #expect(await eventually { bench.shown.last == "answer to and then" }, "\(stack.output)")
        #expect(stack.bridge?.end(SIGTERM) == 0)
    }

    @Test func `embedded: jobs go to the database, deliveries to the process that runs or to its next start`()
        async throws
    {
        let bench = try await OperatorBench()
        let stack = try await TestStack.shared(bench.variables)
        let alone = ["REDIS_URL": "", "DATABASE_URL": "sqlite:\(stack.folder.path("chat.db"))"]
        var (code, output) = try stack.command(["dead"], alone)
        #expect(code == 0 && output.contains("log: 0 dead letters"), "\(output)")
        var run = try stack.startAlone(alone)
        let file = SQLiteDatabase(configuration: SQLiteConfiguration(path: stack.folder.path("spool/inbox.db")))
        let event =
            #"{"id":"71","kind":"text","account":"default","conversation":"42","sender":"42","message":"71","text":"again"}"#
        let delivery =
            #"{"error":"in doubt","at":"2026-11-21T01:50:34.275079Z","id":"\#(Self.id(71))","payload":{"platform":"telegram","event":\#(event)}}"#
        try await file.execute("INSERT INTO dead_jobs (letter) VALUES (?)", [.text(Self.letter(1))])
        try await file.execute("INSERT INTO dead_jobs (letter) VALUES (?)", [.text(#"{"error":"x","job":"junk"}"#)])
        try await file.execute("INSERT INTO dead_deliveries (entry, letter) VALUES ('a', ?)", [.text(delivery)])

        (code, output) = try stack.command(["dead", "list", "--json"], alone)
        #expect(try Self.json(output)["counts"]["log"].int == 2)
        #expect(try Self.json(output)["counts"]["delivery"].int == 1)
        // The junk stays what it is, with its error.
        (code, output) = try stack.command(["dead", "retry", "--all", "--kind", "log"], alone)
        #expect(code == 1 && output.contains("1 retried: written to the database"), "\(output)")
        #expect(output.contains("stays dead: not a JSON object"), "\(output)")
        (code, output) = try stack.command(["dead", "retry", Self.id(71)], alone)
        #expect(code == 0 && output.contains("1 retried: answered"), "\(output)")
        #expect(bench.shown == ["answer to again"])
        #expect(try await file.query("SELECT count(*) AS n FROM dead_deliveries").first?.int("n") == 0)

        #expect(run.end(SIGTERM) == 0)
        try await file.execute("INSERT INTO dead_deliveries (entry, letter) VALUES ('b', ?)", [.text(delivery)])
        (code, output) = try stack.command(["dead", "retry", "--all", "--kind", "delivery"], alone)
        #expect(code == 0 && output.contains("its next start answers it"), "\(output)")
        run = try stack.startAlone(alone)
        #expect(await eventually { bench.shown.count == 2 }, "\(run.output)")
        (code, output) = try stack.command(["dead", "drop", "--all", "--yes"], alone)
        #expect(code == 0 && output.contains("1 dropped"), "\(output)")
        #expect(run.end(SIGTERM) == 0)
        await file.close()
    }

    @Test(
        arguments: [
            (["dead", "show", "000000000000"], 1, "there is no dead letter 000000000000"),
            (["dead", "retry", "000000000000"], 1, "there is no dead letter"),
            (["dead", "drop", "--all"], 0, "no dead letters"), (["dead", "frob"], 64, "frob is not list"),
            (["dead", "drop"], 64, "drop needs the ID"), (["dead", "--help"], 0, "Example: chatbridge dead"),
        ] as [([String], Int32, String)])
    func `what is wrong or not there is said`(words: [String], code: Int32, message: String) async throws {
        let stack = try await TestStack.shared([:])
        for environment in [[:], ["REDIS_URL": "", "DATABASE_URL": "sqlite:\(stack.folder.path("none.db"))"]] {
            let (ended, output) = try stack.command(words, environment)
            #expect(ended == code && output.contains(message), "\(output)")
        }
    }

    @Test func `nothing is dropped where nobody can be asked`() async throws {
        let bench = try await OperatorBench()
        let stack = try await TestStack.shared([:])
        let redis = try bench.redis(stack.redisURL)
        try await redis.send(["LPUSH", "\(stack.prefix):log:dead", Self.letter(1)])
        let (code, output) = try stack.command(["dead", "drop", "--all"])
        #expect(code == 64 && output.contains("--yes"), "\(output)")
        #expect(try await redis.send(["LLEN", "\(stack.prefix):log:dead"]).integer == 1)
    }

    @Test func `a store that is down, refuses the password or is damaged is named`() async throws {
        let redis = try TestRedis(["--requirepass", "right"])
        let stack = try await TestStack.shared([:])
        var (code, output) = try stack.command(["dead"], ["REDIS_URL": "redis://:wrong@127.0.0.1:\(redis.port)"])
        #expect(code == 69 && output.contains("WRONGPASS") && !output.contains("wrong@"), "\(output)")
        redis.stop()
        (code, output) = try stack.command(["dead"], ["REDIS_URL": redis.url])
        #expect(code == 69 && output.contains("chatbridge doctor"), "\(output)")

        mkdir(stack.folder.path("spool"), 0o700)
        let path = stack.folder.path("spool/inbox.db")
        let file = try #require(fopen(path, "w"))
        fputs(String(repeating: "this is no database ", count: 500), file)
        fclose(file)
        (code, output) = try stack.command(["dead"], ["REDIS_URL": ""])
        #expect(code == 65 && output.contains("damaged"), "\(output)")
    }
}
