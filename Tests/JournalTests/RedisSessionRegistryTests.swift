import BridgeCore
import EventLoop
import Redis
import TestSupport
import Testing

@testable import Journal

@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisSessionRegistryTests {
    private static let key = SessionKey(platform: "telegram", conversation: "-100", thread: "5")
    private static let ids: [UUID] = (0..<5).map { UUID(high: 0x7000, low: UInt64($0) | 1 << 63) }
    private static let start = Timestamp(seconds: 1_800_000_000)

    private static func later(_ seconds: Int64) -> Timestamp { Timestamp(seconds: start.seconds + seconds) }

    @Test func `the first candidate is the session for everybody, until it has been silent for too long`() async throws
    {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let registry = RedisSessionRegistry(
                client: redis.client, prefix: redis.prefix, configuration: .init(timeToLive: .seconds(100)))
            func session(_ seconds: Int64, _ candidate: Int, replacing: UUID? = nil) async throws -> UUID {
                try await registry.session(
                    of: Self.key, at: Self.later(seconds), candidate: Self.ids[candidate], replacing: replacing)
            }
            #expect(try await session(0, 0) == Self.ids[0])
            #expect(try await session(100, 1) == Self.ids[0])
            #expect(try await session(50, 1) == Self.ids[0], "a late message does not make it older")
            #expect(try await session(200, 1) == Self.ids[0])
            #expect(try await session(301, 1) == Self.ids[1])
            #expect(try await session(302, 2, replacing: Self.ids[0]) == Self.ids[1])
            #expect(try await session(303, 2, replacing: Self.ids[1]) == Self.ids[2])
            let left = try await redis.client.send(["PTTL", RedisKeys(prefix: redis.prefix).session(Self.key)]).integer
            #expect((left ?? 0) > 100_000 && (left ?? 0) <= 111_000)
            try await redis.clear()
        }
    }

    @Test func `each conversation is in one of several shards, the same for every process`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            func make() -> ShardedSessionRegistry {
                ShardedSessionRegistry(
                    shards: (0..<4).map {
                        RedisSessionRegistry(
                            client: redis.client, prefix: "\(redis.prefix):{\($0)}",
                            configuration: .init(timeToLive: .seconds(100)))
                    })
            }
            for number in 0..<40 {
                let key = SessionKey(platform: "telegram", conversation: "\(number)")
                for candidate in Self.ids[..<2] {
                    let session = try await make().session(
                        of: key, at: Self.start, candidate: candidate, replacing: nil)
                    #expect(session == Self.ids[0])
                }
            }
            let keys = try await redis.keys()
            #expect(keys.count == 40)
            #expect(Set(keys.map { $0.prefix { $0 != "}" } }).count == 4)
            try await redis.clear()
        }
    }

    @Test func `a value that is no session of ours is replaced`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            _ = try await redis.client.send(["SET", RedisKeys(prefix: redis.prefix).session(Self.key), "rubbish"])
            let registry = RedisSessionRegistry(
                client: redis.client, prefix: redis.prefix, configuration: .init(timeToLive: .seconds(100)))
            let session = try await registry.session(
                of: Self.key, at: Self.start, candidate: Self.ids[3], replacing: nil)
            #expect(session == Self.ids[3])
            try await redis.clear()
        }
    }

    @Test func `a server that is not there is an error`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture(loop, url: "redis://127.0.0.1:\(TestEnvironment.freePort())")
            let registry = RedisSessionRegistry(client: redis.client, prefix: "x", configuration: .init())
            await #expect(throws: SessionRegistryError.self) {
                try await registry.session(of: Self.key, at: Self.start, candidate: Self.ids[0], replacing: nil)
            }
        }
    }
}
