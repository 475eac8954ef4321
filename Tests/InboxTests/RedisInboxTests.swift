import EventLoop
import Redis
import TestSupport
import Testing

@testable import Inbox

/// What bridges that share a Redis promise each other.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisInboxTests {
    @Test(arguments: InboxPromise.all)
    func `keeps what every store promises`(_ promise: InboxPromise) async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            try await promise.check(redis.common)
            try await redis.clear()
        }
    }

    @Test func `a run that ends in order leaves its marks of what was taken, and nothing else`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let bridge = try redis.makeBridge()
            await bridge.start(Received().receiver)
            let entry = event("a")
            _ = try await bridge.claim(entry)
            #expect(try await bridge.begin([entry.reference], progress: bytes("p")))
            try await bridge.settle(entry)
            await bridge.retire()
            #expect(try await redis.keys() == ["inbox:epoch", "inbox:seen:test:a", "inbox:seq"])
            try await redis.clear()
        }
    }
}
