import EventLoop
import Redis
import TestSupport
import Testing

@testable import Inbox

/// What an inbox of several shards keeps besides; they are prefixes of one server here.
@Suite(.enabled(if: TestEnvironment.redisURL != nil, "needs CHATBRIDGE_TEST_REDIS_URL"))
struct ShardedInboxTests {
    @Test(arguments: InboxPromise.ofShards)
    func `keeps what every store promises`(_ promise: InboxPromise) async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            try await promise.check(redis.sharded)
            try await redis.clear()
        }
    }

    /// Lanes of which each is in the shard of its place.
    private static let lanes = (0..<3).map { shard in
        (0...).lazy.map { "test:lane\($0)" }.first { ShardedInbox.shard(of: $0, among: 3) == shard } ?? ""
    }

    @Test func `a name is in the same shard in every version`() {
        #expect(ShardedInbox.shard(of: "8:telegram7:default2:42", among: 16) == 13)
        var counts = [Int](repeating: 0, count: 16)
        for number in 0..<16_000 {
            counts[ShardedInbox.shard(of: "8:telegram7:default6:\(100_000 + number)", among: 16)] += 1
        }
        #expect(counts.allSatisfy { (850...1150).contains($0) }, "\(counts)")
    }

    @Test func `each conversation is in its shard, with its log jobs`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let (inbox, _) = try redis.makeSharded()
            await inbox.start(Received().receiver)
            let entries = Self.lanes.enumerated().map { event("e\($0)", lane: $1, jobs: ["job \($0)"]) }
            #expect(try await inbox.claim(entries, keeping: .payload) == [.taken, .taken, .taken])
            for number in 0..<3 { #expect(try await redis.list("{\(number)}:log") == ["job \(number)"]) }
            for entry in entries {
                #expect(try await inbox.begin([entry.reference], progress: nil))
                try await inbox.settle(entry)
            }
            #expect(try await inbox.claim(entries, keeping: .payload) == [.duplicate, .duplicate, .duplicate])
            await inbox.retire()
            try await redis.clear()
        }
    }

    @Test func `bridges forward to each other, and take over what was left`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let (left, right) = (Received(), Received())
            let (first, parts) = try redis.makeSharded(lease: .milliseconds(500))
            await first.start(left.receiver)
            let (second, _) = try redis.makeSharded(lease: .milliseconds(500))
            await second.start(right.receiver)
            try await eventually("each knows of the other", on: loop) { first.isShared && second.isShared }
            for lane in Self.lanes { #expect(try await first.claim(event("a\(lane)", lane: lane)) == .taken) }
            for lane in Self.lanes { #expect(try await second.claim(event("b\(lane)", lane: lane)) == .forwarded) }
            try await eventually("what was forwarded arrives", on: loop) { left.deliveries.count == 3 }
            for part in parts { await part.die() }
            try await eventually("all of it comes to the other", on: loop) { right.deliveries.count == 6 }
            for lane in Self.lanes {
                let payloads = right.deliveries.filter { $0.reference.lane == lane }.map { text($0.payload) }
                #expect(payloads == ["a\(lane)", "b\(lane)"])
            }
            for delivery in right.deliveries { try await second.settle(delivery) }
            await second.retire()
            try await redis.clear()
        }
    }

    @Test func `a call that fails in one shard hands on what the others have taken`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            var (_, shards) = try redis.makeSharded()
            let away = try RedisFixture(
                loop, url: "redis://127.0.0.1:\(TestEnvironment.freePort())", prefix: redis.prefix)
            shards[2] = try away.makeBridge()
            let inbox = ShardedInbox(loop: loop, shards: shards)
            let received = Received()
            await inbox.start(received.receiver)
            let entries = Self.lanes.enumerated().map { event("e\($0)", lane: $1) }
            await #expect(throws: InboxError.self) { try await inbox.claim(entries, keeping: .payload) }
            try await eventually("what was taken is handed on", on: loop) {
                received.payloads.sorted() == ["e0", "e1"]
            }
            // The platform delivers all of it again.
            #expect(try await inbox.claim(Array(entries[..<2]), keeping: .payload) == [.duplicate, .duplicate])
            for delivery in received.deliveries {
                #expect(try await inbox.begin([delivery.reference], progress: nil))
                try await inbox.settle(delivery)
            }
            await inbox.retire()
            try await redis.clear()
        }
    }

    @Test func `a shard that lost its lease lets go of its own conversations alone`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let (inbox, shards) = try redis.makeSharded()
            let lost = Lanes()
            await inbox.start(
                InboxReceiver(
                    deliver: { _ in }, lanesInWork: { [:] },
                    lost: { concerns in lost.note(Self.lanes.filter(concerns)) }))
            await shards[1].lose(await shards[1].bridge)
            #expect(lost.all == [Self.lanes[1]])
            await inbox.retire()
            try await redis.clear()
        }
    }

    // Unchecked: touched on the loop alone.
    private final class Lanes: @unchecked Sendable {
        var all: [String] = []
        func note(_ lanes: [String]) { all += lanes }
    }
}
