import BridgeCore
import EventLoop
import Redis
import TestSupport
import Testing

@testable import Inbox

/// What a bridge that is alone knows of names without asking Redis, and what others learn of it.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisInboxNamesTests {
    /// Waits until the names of earlier runs are known.
    private func start(_ bridge: RedisInbox, _ received: Received = Received()) async throws {
        await bridge.start(received.receiver)
        try await eventually("the names of earlier runs", on: bridge.loop) { await bridge.hasLearned }
    }

    private func seen(_ redis: RedisFixture) async throws -> [String] {
        try await redis.keys().filter { $0.hasPrefix("inbox:seen:") }.map { String($0.dropFirst(11)) }
    }

    @Test func `a lone bridge takes an event at once, and tells Redis when it is done`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let bridge = try redis.makeBridge()
            let entry = event("a", names: ["test:a", "test:alias"])
            #expect(bridge.claimAtOnce(entry) == nil, "it has not started")
            try await start(bridge)
            #expect(bridge.claimAtOnce(entry) == .taken)
            #expect(
                bridge.claimAtOnce(event("again", names: ["test:alias"])) == nil, "Redis is asked for what is known")
            #expect(bridge.beginAtOnce([entry.reference]) == true)
            #expect(try await seen(redis).isEmpty)
            #expect(bridge.settleAtOnce(entry.reference))
            try await eventually("the marks", on: loop) { try await seen(redis) == ["test:a", "test:alias"] }
            #expect(bridge.claimAtOnce(entry) == nil)
            #expect(try await bridge.claim(event("a"), keeping: .names) == .duplicate)
            await bridge.retire()
            try await redis.clear()
        }
    }

    @Test func `what is done is marked before Redis is asked, and before an end in order`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let bridge = try redis.makeBridge()
            try await start(bridge)
            for name in ["a", "b"] {
                let entry = event(name)
                #expect(bridge.claimAtOnce(entry) == .taken)
                #expect(bridge.settleAtOnce(entry.reference))
            }
            #expect(try await bridge.claim(event("a"), keeping: .names) == .duplicate)
            let receipt = event("receipt", purpose: .record)
            #expect(bridge.claimAtOnce(receipt) == .taken, "what is not answered is done with its claim")
            await bridge.retire()
            #expect(try await seen(redis) == ["test:a", "test:b", "test:receipt"])
            try await redis.clear()
        }
    }

    @Test func `a run knows what earlier ones have done, and answers what they had in work`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let first = try redis.makeBridge()
            try await start(first)
            let (done, begun) = (event("done"), event("begun"))
            #expect(first.claimAtOnce(done) == .taken && first.claimAtOnce(begun) == .taken)
            #expect(first.settleAtOnce(done.reference))
            try await eventually("the mark", on: loop) { try await seen(redis) == ["test:done"] }
            await first.die()
            _ = try await redis.client.send(["DEL", "\(redis.prefix):inbox:lease:\(await first.bridge)"])

            let second = try redis.makeBridge()
            try await start(second)
            #expect(second.claimAtOnce(event("done")) == nil)
            #expect(try await second.claim(event("done"), keeping: .names) == .duplicate)
            #expect(second.claimAtOnce(event("begun")) == .taken)
            await second.retire()
            try await redis.clear()
        }
    }

    @Test func `a newcomer hears of what is in work and of what is done before it takes anything`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let first = try redis.makeBridge()
            try await start(first)
            let (done, inWork, late) = (event("done"), event("in work"), event("late"))
            for entry in [done, inWork, late] { #expect(first.claimAtOnce(entry) == .taken) }
            #expect(first.settleAtOnce(done.reference))

            let second = try redis.makeBridge()
            let starting = loop.spawn { await second.start(Received().receiver) }
            try await eventually("the newcomer", on: loop) {
                _ = await first.beat()
                return first.isShared
            }
            await starting.value
            #expect(first.claimAtOnce(event("new")) == nil, "it is not alone any more")
            for entry in [done, inWork, late] {
                #expect(try await second.claim(event("retry", names: entry.names)) == .duplicate)
            }
            try await first.settle(inWork, names: inWork.names)
            #expect(try await second.claim(event("retry", names: inWork.names)) == .duplicate)

            // Alone again, it does not know what the other has taken.
            #expect(try await second.claim(event("other", lane: "test:c2")) == .taken)
            await second.retire()
            try await eventually("that it is alone", on: loop) {
                _ = await first.beat()
                return !first.isShared
            }
            #expect(first.claimAtOnce(event("other")) == nil)
            #expect(try await first.claim(event("other"), keeping: .names) == .duplicate)
            try await eventually("the names of the other", on: loop) { await first.hasLearned }
            #expect(first.claimAtOnce(event("new")) == .taken)
            await first.retire()
            try await redis.clear()
        }
    }

    @Test func `with more names than memory holds, what was sent a moment ago is still known to be new`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let bridge = try redis.makeBridge()
            try await start(bridge)
            await bridge.forgetAll(since: Timestamp.now().advanced(by: .seconds(-3600)))
            let now = Timestamp.now()
            #expect(bridge.claimAtOnce(event("of no time")) == nil)
            #expect(bridge.claimAtOnce(event("old", sentAt: now.advanced(by: .seconds(-3500)))) == nil)
            #expect(bridge.claimAtOnce(event("fresh", sentAt: now)) == .taken)
            await bridge.retire()
            try await redis.clear()
        }
    }
}

extension RedisInbox {
    /// As if it remembered nothing from before that time.
    fileprivate func forgetAll(since time: Timestamp) { known = KnownNames(since: time, for: configuration.doneFor) }
}
