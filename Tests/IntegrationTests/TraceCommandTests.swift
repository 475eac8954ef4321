import BridgeCore
import Glibc
import JSON
import Journal
import Redis
import TestSupport
import Testing

/// A message is put into each of the places where it can be, and `chatbridge trace` says where.
@Suite(
    .enabled(if: TestEnvironment.redisServer != nil && TestEnvironment.databaseURL != nil), .timeLimit(.minutes(5)))
struct TraceCommandTests {
    /// Traces until it says so; what it says then, or in the end.
    private func trace(
        _ words: [String], on stack: TestStack, _ environment: [String: String] = [:],
        until isThere: (TraceReport) -> Bool
    ) async throws -> TraceReport {
        var report = TraceReport((code: nil, output: ""))
        _ = try await eventually {
            report = TraceReport(try stack.command(["trace", "--json"] + words, environment))
            return isThere(report)
        }
        return report
    }

    @Test func `in work: in the inbox behind another, at the agent, in the outbox, and then in the database`()
        async throws
    {
        let bench = try await OperatorBench()
        let stack = try await TestStack.shared(bench.variables)
        try stack.startBridge()
        try stack.startLogger()
        bench.agentGate.set(closed: true)
        bench.platformGate.set(closed: true)
        try await bench.say("first", message: 11, to: stack.url)
        try await bench.say("second", message: 12, to: stack.url)

        let asked = try await trace(["11", "--platform", "telegram"], on: stack) { $0.place == "agent" }
        #expect(asked.code == 0 && asked.place == "agent", "\(asked.output)")
        #expect(asked.stages.prefix(3) == ["received", "verified", "agent asked"], "\(asked.output)")
        let waiting = try await trace(["12", "--platform", "telegram"], on: stack) { $0.place == "inbox" }
        #expect(waiting.place == "inbox" && waiting.detail.contains("1 before it"), "\(waiting.output)")

        bench.agentGate.set(closed: false)
        let sending = try await trace(["11", "--platform", "telegram"], on: stack) { $0.place == "outbox" }
        #expect(sending.place == "outbox" && sending.detail.contains("on its way"), "\(sending.output)")
        #expect(sending.stages.suffix(2) == ["agent first byte", "agent done"], "\(sending.output)")

        bench.platformGate.set(closed: false)
        let done = try await trace(["11", "--platform", "telegram"], on: stack) {
            $0.places.isSuperset(of: ["database question", "database answer"]) && $0.place == "database"
        }
        #expect(done.place == "database", "\(done.output)")
        #expect(
            done.stages.prefix(6) == [
                "received", "verified", "agent asked", "agent first byte", "agent done", "delivered",
            ], "\(done.output)")
        #expect(done.times == done.times.sorted() && done.times.first == 0, "\(done.output)")

        // By our id, and by the answer's: the same question.
        let id = try #require(done.id)
        let answer = try #require(done.answers.first)
        for name in [id, answer, id.uppercased()] {
            let report = TraceReport(try stack.command(["trace", name, "--json"]))
            #expect(report.code == 0 && report.id == id && report.answers == [answer], "\(report.output)")
        }
        let (code, text) = try stack.command(["trace", id])
        #expect(code == 0 && text.contains("in the database") && text.contains("agent first byte"), "\(text)")
        #expect(stack.bridge?.end(SIGTERM) == 0)
        #expect(stack.logger?.end(SIGTERM) == 0)
    }

    @Test func `answered: in the queue, in a logger's hand, in the dead letters, and back`() async throws {
        let bench = try await OperatorBench(["ACK": "durable"])
        let stack = try await TestStack.shared(bench.variables)
        try stack.startBridge()
        try await bench.say("hello", message: 21, to: stack.url)
        let queued = try await trace(["21", "--platform", "telegram"], on: stack) {
            $0.places == ["queue question", "queue answer"]
        }
        #expect(queued.place == "queue" && queued.code == 0, "\(queued.output)")
        #expect(queued.stages.contains("claimed") && queued.stages.last == "delivered", "\(queued.output)")
        let id = try #require(queued.id)

        let queue = try bench.queue(stack.redisURL, prefix: stack.prefix)
        let claim = try #require(try await queue.claim(limit: 100, linger: .zero, wait: .seconds(5)))
        let inHand = TraceReport(try stack.command(["trace", id, "--json"]))
        #expect(inHand.place == "logger" && inHand.detail.contains("test-logger"), "\(inHand.output)")
        #expect(!inHand.detail.contains("gone"), "\(inHand.output)")

        let letters = claim.jobs.map { job in
            Array(#"{"error":"refused by a test","at":"2026-11-21T01:50:34.275079Z","logger":"t","job":"#.utf8) + job
                + [0x7D]
        }
        try await queue.finish(claim, dead: letters, returned: [])
        let dead = TraceReport(try stack.command(["trace", id, "--json"]))
        #expect(dead.place == "dead" && dead.detail == "refused by a test", "\(dead.output)")

        let (code, output) = try stack.command(["dead", "retry", id])
        #expect(code == 0 && output.contains("back in the queue"), "\(output)")
        try stack.startLogger()
        let done = try await trace([id], on: stack) { $0.places == ["database question", "database answer"] }
        #expect(done.place == "database", "\(done.output)")
        await queue.retire()
        #expect(stack.bridge?.end(SIGTERM) == 0)
        #expect(stack.logger?.end(SIGTERM) == 0)
    }

    @Test func `left behind: what a bridge held when it was killed`() async throws {
        let bench = try await OperatorBench(["ACK": "durable"])
        let stack = try await TestStack.shared(bench.variables)
        try stack.startBridge()
        bench.agentGate.set(closed: true)
        try await bench.say("held", message: 31, to: stack.url)
        #expect(await eventually { bench.agent.requests.count == 1 })
        stack.bridge?.end(SIGKILL)
        let left = try await trace(["31", "--platform", "telegram"], on: stack) { $0.detail.contains("which is gone") }
        #expect(left.place == "inbox" && left.code == 0, "\(left.output)")
    }

    @Test func `spooled: Redis is away, so what is known is told and the rest is said not to be looked at`()
        async throws
    {
        let redis = try TestRedis()
        let bench = try await OperatorBench()
        let shared = try await TestStack.shared([:])
        let stack = try await TestStack(
            databaseURL: shared.databaseURL, redisURL: redis.url, variables: bench.variables)
        try stack.startBridge()
        redis.stop()
        try await bench.say("spooled", message: 41, to: stack.url)
        #expect(await eventually { bench.shown == ["answer to spooled"] })
        let spooled = try await trace(["41", "--platform", "telegram"], on: stack) {
            $0.places == ["spool question", "spool answer"]
        }
        #expect(spooled.place == "spool" && spooled.code == 69, "\(spooled.output)")
        #expect(spooled.output.contains("not looked at: the queue"), "\(spooled.output)")
        #expect(spooled.stages.last == "delivered", "\(spooled.output)")
    }

    @Test func `embedded: at the agent, in the queue of the file, in SQLite`() async throws {
        let bench = try await OperatorBench(["DATABASE_URL": ""])
        let stack = try await TestStack.shared(bench.variables)
        let alone = ["REDIS_URL": "", "DATABASE_URL": "sqlite:\(stack.folder.path("chat.db"))"]
        let run = try stack.startAlone(alone)
        bench.agentGate.set(closed: true)
        try await bench.say("hello", message: 51, to: stack.url)
        let asked = try await trace(["51", "--platform", "telegram"], on: stack, alone) { $0.place == "agent" }
        #expect(asked.code == 0 && asked.place == "agent", "\(asked.output)")
        bench.agentGate.set(closed: false)
        let done = try await trace(["51", "--platform", "telegram"], on: stack, alone) {
            $0.places == ["database question", "database answer"]
        }
        #expect(done.place == "database" && done.stages.last == "delivered", "\(done.output)")
        let id = try #require(done.id)
        #expect(run.end(SIGTERM) == 0)
        // The same from the files alone.
        let later = TraceReport(try stack.command(["trace", id, "--json"], alone))
        #expect(later.code == 0 && later.place == "database" && later.answers == done.answers, "\(later.output)")
    }

    @Test(
        arguments: [
            (["trace"], 64, "the id of a message is expected"),
            (["trace", "581"], 64, "for a platform's own add --platform NAME"),
            (["trace", "0199a6f0-7c1e-7000-8000-000000000001"], 1, "is not known in"),
            (["trace", "581", "--platform", "telegram"], 1, "in the last 7 days"),
            (["trace", "581", "--days", "x"], 64, "a whole number"),
            (["trace", "--help"], 0, "Example: chatbridge trace"),
        ] as [([String], Int32, String)])
    func `what is wrong with the question is said`(words: [String], code: Int32, message: String) async throws {
        let stack = try await TestStack.shared([:])
        let (ended, output) = try stack.command(words)
        #expect(ended == code && output.contains(message), "\(output)")
    }

    @Test func `a service that is down or refuses the password is named`() async throws {
        let redis = try TestRedis(["--requirepass", "right"])
        let stack = try await TestStack.shared([:])
        let id = "0199a6f0-7c1e-7000-8000-000000000001"
        let wrong = "redis://:wrong@127.0.0.1:\(redis.port)"
        for (environment, words) in [
            (["REDIS_URL": wrong], "not looked at: the inbox"),
            (
                ["DATABASE_URL": "postgres://nobody@127.0.0.1:\(TestEnvironment.freePort())/none"],
                "not looked at: postgres"
            ),
        ] {
            let (code, output) = try stack.command(["trace", id], environment)
            #expect(code == 69 && output.contains(words) && output.contains("chatbridge doctor"), "\(output)")
            #expect(!output.contains("wrong@"), "\(output)")
        }
        let (code, output) = try stack.command(["trace", id], ["DATABASE_URL": "mysql://x"])
        #expect(code == 78 && output.contains("DATABASE_URL"), "\(output)")
    }
}
