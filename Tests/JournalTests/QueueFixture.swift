import EventLoop
import Redis
import Telemetry
import TestSupport
import Testing

@testable import Journal

/// The queues over which the same tests run; those in Redis only with CHATBRIDGE_TEST_REDIS_URL.
enum QueueKind: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case memory, sqlite, redis, brpop, sharded

    static let available: [QueueKind] = TestEnvironment.redisURL == nil ? [.memory, .sqlite] : allCases
    static let inRedis: [QueueKind] = TestEnvironment.redisURL == nil ? [] : [.redis, .brpop]

    var testDescription: String { rawValue }
}

/// A key prefix of its own in a Redis, and queues with connections of their own over it.
struct RedisFixture: Sendable {
    let loop: EventLoop
    let url: String
    let prefix = "journal-test-\(UInt64.random(in: .min ... .max))"
    let client: RedisClient

    init(_ loop: EventLoop, url: String) throws {
        self.loop = loop
        self.url = url
        client = RedisClient(loop: loop, configuration: try RedisConfiguration(url: url))
    }

    /// On the shared server.
    static func shared(_ loop: EventLoop) throws -> RedisFixture {
        try RedisFixture(loop, url: try #require(TestEnvironment.redisURL))
    }

    func makeQueue(
        _ mode: RedisJobQueue.Mode = .reliable, lease: Duration = .seconds(10), timeout: Duration = .seconds(2),
        name: String = "host", through url: String? = nil
    ) throws -> RedisJobQueue {
        let url = url ?? self.url
        var configuration = RedisJobQueue.Configuration(prefix: prefix, mode: mode, name: name)
        configuration.lease = lease
        configuration.timeout = timeout
        return RedisJobQueue(
            loop: loop, client: RedisClient(loop: loop, configuration: try RedisConfiguration(url: url)),
            blockingClient: RedisClient(loop: loop, configuration: try RedisConfiguration(url: url)),
            configuration: configuration)
    }

    /// Queues that are one, as in a cluster.
    func makeShards(
        _ count: Int = 4, lease: Duration = .seconds(10), timeout: Duration = .seconds(2), name: String = "host"
    ) throws -> [RedisJobQueue] {
        try (0..<count).map { number in
            var configuration = RedisJobQueue.Configuration(prefix: "\(prefix):{\(number)}", name: name)
            configuration.lease = lease
            configuration.timeout = timeout
            return RedisJobQueue(
                loop: loop, client: RedisClient(loop: loop, configuration: try RedisConfiguration(url: url)),
                blockingClient: RedisClient(loop: loop, configuration: try RedisConfiguration(url: url)),
                configuration: configuration)
        }
    }

    /// The names of all keys under the prefix, without it.
    func keys() async throws -> [String] {
        let keys = try await client.send(["KEYS", "\(prefix):*"]).array ?? []
        return keys.compactMap(\.text).map { String($0.dropFirst(prefix.count + 1)) }.sorted()
    }

    /// The elements of a list, oldest first.
    func list(_ name: String) async throws -> [String] {
        let values = try await client.send(["LRANGE", "\(prefix):\(name)", "0", "-1"]).array ?? []
        return values.compactMap(\.text).reversed()
    }

    func clear() async throws {
        for key in try await keys() { _ = try await client.send(["DEL", "\(prefix):\(key)"]) }
    }
}

extension RedisJobQueue {
    /// Ends as a killed process does: without a word.
    func die() {
        leaseTask?.cancel()
        isRetired = true
    }
}

/// Runs a body over a queue of that kind.
func withQueue(
    _ kind: QueueKind, _ loop: EventLoop, _ body: (any JobQueue) async throws -> Void
) async throws {
    switch kind {
    case .memory: try await body(MemoryJobQueue(loop: loop))
    case .sqlite:
        let folder = try TemporaryFolder()
        let file = InboxFile(loop: loop, folder: folder.path)
        try await file.open()
        try await body(SQLiteJobQueue(file: file))
        await file.close()
    case .redis, .brpop:
        let fixture = try RedisFixture.shared(loop)
        let queue = try fixture.makeQueue(kind == .brpop ? .brpop : .reliable)
        try await body(queue)
        await queue.retire()
        try await fixture.clear()
    case .sharded:
        let fixture = try RedisFixture.shared(loop)
        let queue = ShardedJobQueue(loop: loop, shards: try fixture.makeShards())
        try await body(queue)
        await queue.retire()
        try await fixture.clear()
    }
}

func names(_ range: Range<Int>) -> [String] { range.map { "job \($0)" } }

func jobs(_ range: Range<Int>) -> [[UInt8]] { names(range).map(bytes) }
