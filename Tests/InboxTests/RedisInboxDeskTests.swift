import BridgeCore
import EventLoop
import Redis
import TestSupport
import Testing

@testable import Inbox

/// What the operator's commands see of a shared inbox, and do with its dead letters.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisInboxDeskTests {
    private static let letter = bytes(#"{"error":"in doubt","id":"x"}"#)

    private static func file(_ letter: [UInt8], in redis: RedisFixture) async throws {
        var push = RedisCommand("LPUSH", "\(redis.prefix):inbox:dead")
        push.append(letter)
        try await redis.client.send(push)
    }

    private static func desk(_ redis: RedisFixture) -> RedisInboxDesk {
        RedisInboxDesk(loop: redis.loop, client: redis.client, prefix: redis.prefix)
    }

    @Test func `what bridges hold is seen, with how far it has come and whether its bridge lives`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let bridge = try redis.makeBridge()
            await bridge.start(Received().receiver)
            let (waiting, begun) = (event("1"), event("2", lane: "test:c2"))
            for entry in [waiting, begun] { #expect(try await bridge.claim(entry) == .taken) }
            #expect(try await bridge.begin([begun.reference], progress: bytes("half")))
            let desk = Self.desk(redis)
            let all = try await desk.heldEvents { _, _ in true }.sorted { text($0.payload) < text($1.payload) }
            #expect(all.map(\.id) == [waiting.id, begun.id])
            #expect(all.map { text($0.payload) } == ["1", "2"])
            #expect(all.map { $0.progress.map(text) } == [nil, "half"])
            #expect(all.allSatisfy { $0.isAlive && $0.attempts == 0 && $0.bridge.hasPrefix("host-") })
            #expect(try await desk.heldEvents { id, _ in id == begun.id }.count == 1)
            try await redis.client.send(["DEL", "\(redis.prefix):inbox:lease:\(try #require(all.first).bridge)"])
            #expect(try await desk.heldEvents { _, _ in true }.allSatisfy { !$0.isAlive })
            await bridge.retire()
            try await redis.clear()
        }
    }

    @Test func `a letter that is retried comes to the bridge that lives, as if nobody had died over it`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let received = Received()
            let bridge = try redis.makeBridge()
            await bridge.start(received.receiver)
            let (desk, entry) = (Self.desk(redis), event("again"))
            try await Self.file(Self.letter, in: redis)
            try await redis.client.send(["SET", "\(redis.prefix):inbox:letter:\(entry.id)", ""])
            func revive() async throws -> Int? {
                try await desk.reviveDelivery(
                    Self.letter, id: entry.id, lane: "test:c1", payload: entry.payload, progress: nil)
            }
            #expect(try await revive() == 1)
            // Somebody else who is as quick does nothing.
            #expect(try await revive() == nil)
            try await eventually("the event", on: loop) {
                _ = await bridge.beat()
                return received.payloads == ["again"]
            }
            let delivery = try #require(received.deliveries.first)
            #expect(delivery.attempts == 0 && delivery.progress == nil && delivery.reference.lane == "test:c1")
            #expect(try await redis.list("inbox:dead").isEmpty)
            // It may become a dead letter once more, which is filed then.
            try await bridge.settle(InboxSettlement(entries: [delivery.reference], deadLetter: Self.letter))
            #expect(try await redis.list("inbox:dead").count == 1)
            #expect(try await desk.deadCount() == 1)
            #expect(try await desk.deadLetters(from: 0, count: 10) == [Self.letter])
            #expect(try await desk.dropDeadLetter(Self.letter))
            #expect(try await !desk.dropDeadLetter(Self.letter))
            // And the conversation goes on.
            #expect(try await bridge.claim(event("next")) == .taken)
            await bridge.retire()
            try await redis.clear()
        }
    }

    @Test func `it goes to the bridge that answers its conversation, behind what is in work there`() async throws {
        try await onLoop { loop in
            let pair = try await RedisInboxFleetTests.Pair(loop)
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            #expect(try await b.claim(event("in work", lane: "test:c9")) == .taken)
            try await Self.file(Self.letter, in: pair.redis)
            let entry = event("dead", lane: "test:c9")
            let living = try await Self.desk(pair.redis).reviveDelivery(
                Self.letter, id: entry.id, lane: "test:c9", payload: entry.payload, progress: bytes("whole"))
            #expect(living == 2)
            try await eventually("the event", on: loop) {
                _ = await a.beat()
                _ = await b.beat()
                return pair.received[1].payloads == ["dead"]
            }
            #expect(pair.received[0].payloads.isEmpty)
            #expect(pair.received[1].deliveries.first?.progress.map(text) == "whole")
            try await pair.end()
        }
    }

    @Test func `without a bridge it waits for the first that starts`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            try await Self.file(Self.letter, in: redis)
            let entry = event("patient")
            let living = try await Self.desk(redis).reviveDelivery(
                Self.letter, id: entry.id, lane: "test:c1", payload: entry.payload, progress: nil)
            #expect(living == 0)
            let received = Received()
            let bridge = try redis.makeBridge()
            await bridge.start(received.receiver)
            try await eventually("the event", on: loop) { received.payloads == ["patient"] }
            await bridge.retire()
            try await redis.clear()
        }
    }
}
