import BridgeCore
import EventLoop
import Glibc
import JSON
import Redis
import TestSupport
import Testing

@testable import Journal

/// The whole way of a job, from the buffer to the database, while parts of it stop, die and come back.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL; over SQLite always, over Postgres too with CHATBRIDGE_TEST_DATABASE_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil), .serialized) struct LogPathTests {
    /// Appends as the engine does: synchronously, on the loop.
    private static func append(_ messages: [LogMessage], to buffer: LogBuffer) {
        buffer.assumeIsolated { buffer in
            for message in messages { buffer.append(LogJob.message(message).encoded()) }
        }
    }

    private static func logger(
        _ loop: EventLoop, _ queue: any JobQueue, _ store: any JournalStore
    ) -> JournalLogger {
        var configuration = JournalLogger.Configuration(batch: 50, flush: .milliseconds(5))
        configuration.firstPause = .milliseconds(10)
        configuration.longestPause = .milliseconds(100)
        return JournalLogger(loop: loop, queue: queue, store: store, configuration: configuration)
    }

    /// The number of rows; nil before the first batch has made the tables.
    private static func messages(in table: @Sendable (String) async throws -> [[String?]]) async -> String? {
        try? await table("SELECT CAST(count(*) AS text) AS n FROM messages").first?.first ?? nil
    }

    @Test(arguments: StoreKind.available)
    func `loggers that are killed at any point leave every message in the store exactly once`(
        _ kind: StoreKind
    ) async throws {
        try await StoreFixture.with(kind) { fixture in
            let makeStore = fixture.makeStore
            let table = fixture.table
            try await onLoop { loop in
                let redis = try RedisFixture.shared(loop)
                let pusher = try redis.makeQueue()
                let buffer = LogBuffer(loop: loop, queue: pusher, spool: nil)
                var messages = Messages()
                var loggers: [(queue: RedisJobQueue, logger: JournalLogger, task: Task<Void, Never>)] = []
                func start() throws {
                    let queue = try redis.makeQueue(lease: .milliseconds(300))
                    let logger = Self.logger(loop, queue, makeStore())
                    loggers.append((queue, logger, loop.spawn(on: logger) { await $0.run() }))
                }
                try start()
                try start()
                var total = 0
                for round in 0..<12 {
                    Self.append(messages.jobs(150, conversation: "c\(round % 3)"), to: buffer)
                    total += 150
                    try await loop.sleep(for: .milliseconds(15))
                    guard round % 3 == 2 else { continue }
                    // Without a word: neither the batch in hand nor the lease is given back.
                    let victim = loggers.removeFirst()
                    await victim.queue.die()
                    await victim.logger.abandon()
                    victim.task.cancel()
                    try start()
                }
                await buffer.drain(within: .seconds(10))
                let expected = String(total)
                try await eventually("all of them", on: loop) {
                    await Self.messages(in: table) == expected
                }
                // A batch may have been committed by a logger that died before it could say so: it is written again, to no effect.
                try await eventually("nothing claimed", on: loop) {
                    try await redis.keys().filter { $0.hasPrefix("log:claimed") || $0 == "log" }.isEmpty
                }
                let unique = try await table(
                    "SELECT CAST(count(DISTINCT content_text || id) AS text) AS n FROM messages")
                #expect(unique.first?.first == expected)
                for entry in loggers {
                    await entry.logger.stop()
                    await entry.task.value
                }
                try await redis.clear()
            }
        }
    }

    @Test(arguments: [RedisJobQueue.Mode.reliable, .brpop])
    func `poison among good jobs ends on the list of dead letters, and nothing else does`(
        _ mode: RedisJobQueue.Mode
    ) async throws {
        try await StoreFixture.with(.sqlite) { fixture in
            let makeStore = fixture.makeStore
            let table = fixture.table
            try await onLoop { loop in
                let redis = try RedisFixture.shared(loop)
                let queue = try redis.makeQueue(mode)
                var messages = Messages()
                var jobs = messages.jobs(200).map { LogJob.message($0).encoded() }
                let poison = [bytes("{"), bytes("\0"), [0xFF], bytes(#"{"v":1,"kind":"message","id":7}"#), bytes("[]")]
                for (index, job) in poison.enumerated() { jobs.insert(job, at: index * 40) }
                let newer = bytes(#"{"v":2,"kind":"message"}"#)
                jobs.insert(newer, at: 100)
                try await queue.push(jobs)
                let logger = Self.logger(loop, queue, makeStore())
                let running = loop.spawn(on: logger) { await $0.run() }
                try await eventually("the good ones", on: loop) {
                    await Self.messages(in: table) == "200"
                }
                try await eventually("the others", on: loop) {
                    let left = try await redis.list("log")
                    return try await redis.list("log:dead").count == poison.count && left == [text(newer)]
                }
                await logger.stop()
                await running.value
                let letters = try await redis.list("log:dead").map { try JSONView(parsing: $0) }
                #expect(letters.map { $0["job"].kind } == [.string, .string, .string, .object, .string])
                #expect(letters.allSatisfy { $0["error"].string?.isEmpty == false && $0["logger"].string == "logger" })
                try await redis.clear()
            }
        }
    }

    @Test func `a Redis that stops for three seconds delays no append and loses no job`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let folder = try TemporaryFolder()
            let redis = try RedisFixture(loop, url: server.url)
            let queue = try redis.makeQueue(timeout: .seconds(1))
            var configuration = LogBuffer.Configuration()
            configuration.memoryBytes = 256 << 10
            let spool = Spool(configuration: .init(directory: folder.path))
            let buffer = LogBuffer(loop: loop, queue: queue, spool: spool, configuration: configuration)
            var messages = Messages()
            var ids: [UUID] = []
            var longest = Duration.zero
            var most = 0
            func load(for duration: Duration) async throws {
                let end = ContinuousClock.now + duration
                while ContinuousClock.now < end {
                    let some = messages.jobs(40)
                    ids += some.map(\.id)
                    longest = max(longest, ContinuousClock().measure { Self.append(some, to: buffer) })
                    most = max(most, await buffer.depth)
                    try await loop.sleep(for: .milliseconds(10))
                }
            }
            try await load(for: .milliseconds(300))
            server.signal(SIGSTOP)
            try await load(for: .seconds(3))
            #expect(await buffer.isSpoolInUse)
            server.signal(SIGCONT)
            try await load(for: .milliseconds(300))
            try await eventually("direct again", on: loop) { await !buffer.isSpoolInUse }
            await buffer.drain(within: .seconds(10))
            let found = try await redis.list("log").map { try LogJob(decoding: bytes($0)).id }
            #expect(Set(found) == Set(ids))
            // Each for the first time in order: what was pushed twice comes again, never first.
            var seen: Set<UUID> = []
            #expect(found.filter { seen.insert($0).inserted } == ids)
            #expect(await buffer.dropped == 0)
            #expect(longest < .milliseconds(200), "40 appends took \(longest)")
            #expect(most < 2_000, "\(most) jobs were in memory")
            #expect(folder.files().isEmpty)
        }
    }

    @Test func `a Redis that is killed and started again loses no job`() async throws {
        try await StoreFixture.with(.sqlite) { fixture in
            let makeStore = fixture.makeStore
            let table = fixture.table
            try await onLoop { loop in
                let server = try TestRedis()
                let folder = try TemporaryFolder()
                let redis = try RedisFixture(loop, url: server.url)
                let spool = Spool(configuration: .init(directory: folder.path))
                let buffer = LogBuffer(
                    loop: loop, queue: try redis.makeQueue(timeout: .milliseconds(500)), spool: spool)
                let queue = try redis.makeQueue(lease: .seconds(1), timeout: .milliseconds(500))
                let logger = Self.logger(loop, queue, makeStore())
                let running = loop.spawn(on: logger) { await $0.run() }
                var messages = Messages()
                var total = 0
                for round in 0..<30 {
                    Self.append(messages.jobs(20), to: buffer)
                    total += 20
                    try await loop.sleep(for: .milliseconds(20))
                    if round == 8 { server.stop(SIGKILL) }
                    if round == 16 { try server.start() }
                }
                let expected = String(total)
                try await eventually("all of them", on: loop) {
                    await Self.messages(in: table) == expected
                }
                await logger.stop()
                await running.value
                #expect(await buffer.dropped == 0)
            }
        }
    }
}
