import BridgeCore
import EventLoop
import Glibc
import JSON
import Postgres
import Redis
import TestSupport
import Testing

/// Erasure while everything runs: loggers that write without pause and are killed, jobs that come late.
@Suite(
    .enabled(if: TestEnvironment.redisServer != nil && TestEnvironment.databaseURL != nil), .timeLimit(.minutes(5)))
struct ForgetProcessTests {
    private static let user = "4242424242"

    /// Log jobs of the person and of others, an hour old.
    private struct Source {
        private var generator = UUIDGenerator()
        private let sessions: [UUID]
        private(set) var others = 0

        init() {
            sessions = (0..<4).map { UUID(version7At: 1, fraction: 0, random: $0 &+ UInt64.random(in: 0...1 << 60)) }
        }

        mutating func jobs(_ count: Int) -> [[UInt8]] {
            let at = Timestamp.now().advanced(by: .seconds(-3600))
            return (0..<count).map { number in
                let isTheirs = number % 2 == 0
                if !isTheirs { others += 1 }
                let user = isTheirs ? ForgetProcessTests.user : "7777"
                return LogJob.message(
                    LogMessage(
                        id: generator.next(at: at), at: at,
                        session: .init(
                            id: sessions[number % 4], platform: "telegram", conversation: "c\(number % 4)", user: user),
                        direction: .inbound, sender: user, text: "t", status: .received)
                ).encoded()
            }
        }
    }

    @Test(arguments: [false, true])
    func `nothing of a person is left although loggers die and jobs come late`(isPartitioned: Bool) async throws {
        let stack = try await TestStack.shared([:])
        let folder = TemporaryFolder()
        let variables = [
            "DATABASE_URL": stack.databaseURL, "REDIS_URL": stack.redisURL, "REDIS_PREFIX": stack.prefix,
            "SPOOL_DIR": folder.path("spool"),
        ]
        func run(_ words: String...) throws -> (code: Int32?, output: String) {
            try ChildProcess.run([TestEnvironment.chatbridge] + words, environment: variables, in: folder)
        }
        if isPartitioned { #expect(try run("migrate", "partition").code == 0) }
        let loop = try EventLoop()
        loop.startThread(name: "redis")
        defer { loop.stop() }
        let client = RedisClient(loop: loop, configuration: try RedisConfiguration(url: stack.redisURL))
        func push(_ jobs: [[UInt8]]) async throws {
            _ = try await client.send(RedisCommand("LPUSH", arguments: [Array("\(stack.prefix):log".utf8)] + jobs))
        }
        let logger = ["LEASE_MS": "500", "LOG_BATCH": "50"]
        var loggers = [try stack.makeLogger(logger), try stack.makeLogger(logger)]
        var source = Source()
        // What others see of an erasure: everything goes on.
        for round in 0..<6 {
            for _ in 0..<10 {
                try await push(source.jobs(100))
                try await Task.sleep(for: .milliseconds(10))
            }
            loggers.remove(at: round % 2).end(SIGKILL)
            loggers.append(try stack.makeLogger(logger))
            guard round >= 2 else { continue }
            let (code, output) = try run("forget", "telegram", Self.user, "--yes", "--json", "--wait", "60")
            #expect(code == 0, "\(output)")
            let left = try await stack.database.query(
                "SELECT id FROM messages WHERE sender_id = $1", [.text(Self.user)])
            #expect(left.count == 0, "round \(round): \(output)")
        }
        try await push(source.jobs(100))
        let expected = source.others
        let isThere = await eventually(within: .seconds(60)) { (try? await stack.count()) == expected }
        let found = try await stack.count()
        #expect(isThere, "\(found) of \(expected)")
        let isEmpty = await eventually {
            (try? await client.send(["KEYS", "\(stack.prefix):log:claimed:*"]).array?.isEmpty) == true
        }
        #expect(isEmpty)
        let users = try await stack.database.query(
            "SELECT user_id FROM sessions WHERE user_id = $1 UNION SELECT sender_id FROM messages WHERE sender_id = $1",
            [.text(Self.user)])
        #expect(users.count == 0)
        #expect(try await client.send(["LLEN", "\(stack.prefix):log:dead"]).integer == 0)
        for logger in loggers { #expect(logger.end(SIGTERM) == 0) }
        await client.shutdown()
    }
}
