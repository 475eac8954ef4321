import BridgeCore
import EventLoop
import Redis
import TestSupport
import Testing

@testable import Inbox

/// What the model of the inbox (Tests/ModelTests) found.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisInboxLateTests {
    @Test func `a claim that Redis executes after its bridge has ended takes nothing`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let bridge = try redis.makeBridge()
            await bridge.start(Received().receiver)
            let entry = event("late")
            // As it lies in the socket of a slow server when the bridge is stopped.
            let call = await bridge.makeCall(for: [entry], keeping: .payload)
            await bridge.retire()
            #expect(try await bridge.run(call).integer == -3)
            #expect(try await redis.keys() == ["inbox:epoch"])

            // So the bridge that the platform delivers it to next answers it.
            let other = try redis.makeBridge()
            await other.start(Received().receiver)
            #expect(try await other.claim(event("late")) == .taken)
            await other.retire()
            try await redis.clear()
        }
    }

    @Test func `a bridge whose lease ran out unseen gives a sign of life before it claims`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let bridge = try redis.makeBridge()
            await bridge.start(Received().receiver)
            for key in try await redis.keys() { _ = try await redis.client.send(["DEL", "\(redis.prefix):\(key)"]) }
            #expect(try await bridge.claim(event("1")) == .taken)
            // Known to whoever comes, should this one die now.
            #expect(try await redis.keys().contains("inbox:bridges"))
            await bridge.retire()
            try await redis.clear()
        }
    }

    @Test func `mail does not overtake a claim whose reply was lost`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let received = Received()
            let bridge = try redis.makeBridge()
            let starting = loop.spawn { await bridge.start(received.receiver) }
            await starting.value
            let other = try redis.makeBridge()
            let joining = loop.spawn { await other.start(Received().receiver) }
            try await eventually("the newcomer", on: loop) {
                _ = await bridge.beat()
                return other.isShared
            }
            await joining.value
            await bridge.freeze()
            // Executed, and the bridge never reads it.
            _ = try await bridge.run(bridge.makeCall(for: [event("first")], keeping: .payload))
            await bridge.doubtMemory()
            #expect(try await other.claim(event("second")) == .forwarded)
            await bridge.thaw()
            try await eventually("both", on: loop) { received.deliveries.count == 2 }
            #expect(received.payloads == ["first", "second"])
            await bridge.retire()
            await other.retire()
            try await redis.clear()
        }
    }
}

extension RedisInbox {
    /// As after a command that was not answered.
    fileprivate func doubtMemory() { mustAudit = true }
}
