import BridgeCore
import EventLoop
import Redis
import TestSupport
import Testing

@testable import Inbox

/// Bridges of one process: each with an id of its own, and none a stranger to the others.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisInboxSiblingTests {
    @Test func `siblings are alone together, and share with a bridge of another process`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let siblings = SiblingBridges()
            let (a, b) = (try redis.makeBridge(siblings: siblings), try redis.makeBridge(siblings: siblings))
            let received = [Received(), Received(), Received()]
            await a.start(received[0].receiver)
            await b.start(received[1].receiver)
            _ = await a.beat()
            #expect(!a.isShared && !b.isShared)
            // Nobody is asked.
            for (inbox, name) in [(a, "1"), (b, "2")] {
                try await eventually("the names of earlier runs", on: loop) { await inbox.hasLearned }
                #expect(inbox.claimAtOnce(event(name, lane: "test:\(name)")) == .taken)
            }

            let stranger = try redis.makeBridge()
            let starting = loop.spawn { await stranger.start(received[2].receiver) }
            try await eventually("both hear of it", on: loop) {
                _ = await a.beat()
                _ = await b.beat()
                return a.isShared && b.isShared
            }
            await starting.value
            #expect(stranger.isShared)
            // What siblings have in work is theirs.
            #expect(try await stranger.claim(event("3", lane: "test:1")) == .forwarded)
            #expect(try await stranger.claim(event("4", lane: "test:2")) == .forwarded)
            try await eventually("it arrives", on: loop) {
                received[0].deliveries.count == 1 && received[1].deliveries.count == 1
            }
            // It dies with work; one of the siblings takes that over, and both are alone again.
            #expect(try await stranger.claim(event("5", lane: "test:5")) == .taken)
            await stranger.die()
            _ = try await redis.client.send(["DEL", "\(redis.prefix):inbox:lease:\(await stranger.bridge)"])
            try await eventually("it is missed", on: loop) {
                _ = await a.beat()
                _ = await b.beat()
                return !a.isShared && !b.isShared
            }
            #expect((received[0].deliveries + received[1].deliveries).filter { $0.attempts == 1 }.count == 1)
            for inbox in [a, b] { await inbox.retire() }
            try await redis.clear()
        }
    }

    @Test func `a sibling that gives no sign of life is not taken for dead by its own process`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let siblings = SiblingBridges()
            let (a, b) = (try redis.makeBridge(siblings: siblings), try redis.makeBridge(siblings: siblings))
            let received = Received()
            await a.start(received.receiver)
            await b.start(Received().receiver)
            let entry = event("1", lane: "test:c")
            #expect(try await b.claim(entry) == .taken)
            await b.freeze()
            _ = try await redis.client.send(["DEL", "\(redis.prefix):inbox:lease:\(await b.bridge)"])
            for _ in 0..<3 { #expect(await a.beat()) }
            #expect(received.deliveries.isEmpty)
            await b.thaw()
            #expect(try await b.begin([entry.reference], progress: nil))
            try await b.settle(entry)
            #expect(received.deliveries.isEmpty)
            for inbox in [a, b] { await inbox.retire() }
            try await redis.clear()
        }
    }

    @Test func `siblings are alone together in every shard of a cluster`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let siblings = SiblingBridges()
            let (a, b) = (try redis.makeSharded(siblings: siblings), try redis.makeSharded(siblings: siblings))
            await a.inbox.start(Received().receiver)
            await b.inbox.start(Received().receiver)
            for shard in a.shards + b.shards { #expect(await shard.beat()) }
            #expect(!a.inbox.isShared && !b.inbox.isShared)
            let stranger = try redis.makeSharded()
            let starting = loop.spawn { await stranger.inbox.start(Received().receiver) }
            try await eventually("all hear of it", on: loop) {
                for shard in a.shards + b.shards { _ = await shard.beat() }
                return a.shards.allSatisfy(\.isShared) && b.shards.allSatisfy(\.isShared)
            }
            await starting.value
            for inbox in [a.inbox, b.inbox, stranger.inbox] { await inbox.retire() }
            try await redis.clear()
        }
    }
}
