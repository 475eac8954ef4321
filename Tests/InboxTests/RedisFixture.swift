import EventLoop
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Inbox

/// A key prefix of its own in a Redis, and bridges with connections of their own over it.
struct RedisFixture: Sendable {
    let loop: EventLoop
    let url: String
    let prefix: String
    let client: RedisClient

    init(_ loop: EventLoop, url: String, prefix: String? = nil) throws {
        self.prefix = prefix ?? "inbox-test-\(UInt64.random(in: .min ... .max))"
        self.loop = loop
        self.url = url
        client = RedisClient(loop: loop, configuration: try RedisConfiguration(url: url))
    }

    /// On the shared server.
    static func shared(_ loop: EventLoop) throws -> RedisFixture {
        try RedisFixture(loop, url: try #require(TestEnvironment.redisURL))
    }

    /// A bridge that is not started; with no grace it takes a lease that is gone for a death at once.
    func makeBridge(
        lease: Duration = .seconds(30), grace: Duration? = .zero, timeout: Duration = .seconds(10),
        name: String = "host", mark: BridgeMark? = nil, siblings: SiblingBridges = SiblingBridges(),
        via url: String? = nil, log: Log = .silent, metrics: Metrics = Metrics()
    ) throws -> RedisInbox {
        var configuration = RedisInbox.Configuration(prefix: prefix, name: name)
        configuration.lease = lease
        configuration.grace = grace
        configuration.timeout = timeout
        let redis = try RedisConfiguration(url: url ?? self.url)
        return RedisInbox(
            loop: loop, client: RedisClient(loop: loop, configuration: redis),
            blockingClient: RedisClient(loop: loop, configuration: redis), configuration: configuration, mark: mark,
            siblings: siblings, log: log, metrics: metrics)
    }

    /// What the tests of all stores need.
    var common: InboxFixture {
        InboxFixture(
            loop: loop, make: { try makeBridge() }, queue: { try await list("log") },
            letters: { try await list("inbox:dead") })
    }

    /// A bridge whose inbox has several shards, not started.
    func makeSharded(
        _ count: Int = 3, lease: Duration = .seconds(30), grace: Duration? = .zero, name: String = "host",
        siblings: SiblingBridges = SiblingBridges()
    ) throws -> (inbox: ShardedInbox, shards: [RedisInbox]) {
        let shards = try (0..<count).map { number in
            try RedisFixture(loop, url: url, prefix: "\(prefix):{\(number)}").makeBridge(
                lease: lease, grace: grace, name: name, siblings: siblings)
        }
        return (ShardedInbox(loop: loop, shards: shards), shards)
    }

    /// What the tests of all stores need, for an inbox of several shards.
    var sharded: InboxFixture {
        @Sendable func all(_ name: String) async throws -> [String] {
            var found: [String] = []
            for number in 0..<3 { found += try await list("{\(number)}:\(name)") }
            return found
        }
        return InboxFixture(
            loop: loop, make: { try makeSharded().inbox }, queue: { try await all("log") },
            letters: { try await all("inbox:dead") })
    }

    /// The names of all keys under the prefix, without it.
    func keys() async throws -> [String] {
        let keys = try await client.send(["KEYS", "\(prefix):*"]).array ?? []
        return keys.compactMap(\.text).map { String($0.dropFirst(prefix.count + 1)) }.sorted()
    }

    /// The elements of a list that is pushed at its head, oldest first.
    func list(_ name: String) async throws -> [String] {
        let values = try await client.send(["LRANGE", "\(prefix):\(name)", "0", "-1"]).array ?? []
        return values.compactMap(\.text).reversed()
    }

    func clear() async throws {
        for key in try await keys() { _ = try await client.send(["DEL", "\(prefix):\(key)"]) }
    }
}

extension RedisInbox {
    /// Ends as a killed process does: without a word.
    func die() {
        isRetired = true
        heartbeats?.cancel()
        bell?.cancel()
        receiver = nil
    }

    /// Gives no sign of life any more, and hears nothing, as a process that is stopped.
    func freeze() {
        heartbeats?.cancel()
        bell?.cancel()
        bell = Task {}
        isBeatPlanned = true
    }

    /// Goes on after ``freeze()``.
    func thaw() async {
        bell = nil
        isBeatPlanned = false
        _ = await beat()
    }
}
