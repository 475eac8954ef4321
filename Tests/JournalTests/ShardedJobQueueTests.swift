import EventLoop
import Glibc
import Redis
import TestSupport
import Testing

@testable import Journal

/// What the queue of a cluster keeps besides; its shards are prefixes of one server here, and some of no server.
@Suite(.enabled(if: TestEnvironment.redisURL != nil, "needs CHATBRIDGE_TEST_REDIS_URL"))
struct ShardedJobQueueTests {
    private func withShards(
        _ count: Int = 4,
        _ body: @escaping @Sendable (RedisFixture, [RedisJobQueue], ShardedJobQueue) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let fixture = try RedisFixture.shared(loop)
            let shards = try fixture.makeShards(count)
            let queue = ShardedJobQueue(loop: loop, shards: shards)
            try await body(fixture, shards, queue)
            await queue.retire()
            try await fixture.clear()
        }
    }

    /// A queue at a port where nobody listens.
    private func dead(_ fixture: RedisFixture) throws -> RedisJobQueue {
        try fixture.makeQueue(through: "redis://127.0.0.1:\(TestEnvironment.freePort())")
    }

    @Test func `a bridge's jobs stay in one shard, and all shards are served in turn`() async throws {
        try await withShards { fixture, shards, queue in
            for start in stride(from: 0, to: 40, by: 10) { try await queue.push(jobs(start..<start + 10)) }
            var lengths: [Int] = []
            for shard in shards { lengths.append(try await shard.depth()) }
            #expect(lengths.sorted() == [0, 0, 0, 40])
            // A backlog in one does not keep the others waiting.
            for (number, shard) in shards.enumerated() { try await shard.push([bytes("other \(number)")]) }
            var places: [String: Int] = [:]
            for round in 0..<60 {
                guard let claim = try await queue.claim(limit: 4, linger: .zero, wait: .milliseconds(10)) else {
                    continue
                }
                for job in claim.jobs { places[text(job)] = round }
                try await queue.finish(claim, dead: [], returned: [])
            }
            #expect(places.count == 44)
            // Only the one behind the backlog in its own list comes late.
            #expect(places.filter { $0.key.hasPrefix("other") && $0.value > 8 }.count <= 1)
            #expect(try await queue.depth() == 0)
            #expect(try await fixture.keys().filter { $0.contains("claimed") }.isEmpty)
        }
    }

    @Test func `little in many shards is one batch`() async throws {
        try await withShards { _, shards, queue in
            for (number, shard) in shards.enumerated() { try await shard.push([bytes("\(number)")]) }
            let claim = try #require(try await queue.claim(limit: 100, linger: .zero, wait: .seconds(5)))
            #expect(claim.jobs.map(text).sorted() == ["0", "1", "2", "3"])
            try await queue.finish(claim, dead: [bytes("d")], returned: [claim.jobs[0]])
            #expect(try await queue.deadCount() == 1)
            #expect(try await queue.depth() == 1)
        }
    }

    @Test func `a job in any shard wakes a logger that waits`() async throws {
        try await withShards { _, shards, queue in
            for (number, shard) in shards.enumerated() {
                let pushing = queue.loop.spawn {
                    try? await queue.loop.sleep(for: .milliseconds(50))
                    try? await shard.push([bytes("\(number)")])
                }
                let claim = try await queue.claim(limit: 10, linger: .zero, wait: .seconds(30))
                #expect(claim?.jobs.map(text) == ["\(number)"])
                await pushing.value
                try await queue.finish(try #require(claim), dead: [], returned: [])
            }
        }
    }

    @Test func `a shard that is away keeps nobody from the others`() async throws {
        try await onLoop { loop in
            let fixture = try RedisFixture.shared(loop)
            let living = try fixture.makeShards(1)[0]
            let queue = ShardedJobQueue(loop: loop, shards: [try dead(fixture), living, try dead(fixture)])
            for start in 0..<20 { try await queue.push(jobs(start..<start + 1)) }
            #expect(try await living.depth() == 20)
            var found: [String] = []
            while found.count < 20 {
                let claim = try #require(try await queue.claim(limit: 7, linger: .zero, wait: .seconds(5)))
                found += claim.jobs.map(text)
                try await queue.finish(claim, dead: [], returned: [])
            }
            #expect(found == names(0..<20))
            await #expect(throws: JobQueueError.self) { try await queue.depth() }
            await queue.retire()
            try await fixture.clear()
        }
    }

    @Test func `without any shard a push and a claim say so`() async throws {
        try await onLoop { loop in
            let fixture = try RedisFixture.shared(loop)
            let queue = ShardedJobQueue(loop: loop, shards: [try dead(fixture), try dead(fixture)])
            await #expect(throws: JobQueueError.self) { try await queue.push(jobs(0..<1)) }
            await #expect(throws: JobQueueError.self) {
                try await queue.claim(limit: 1, linger: .zero, wait: .milliseconds(10))
            }
            await queue.retire()
        }
    }

    @Test func `a shard that is gone when its claim ends is told of it when it is back`() async throws {
        try await onLoop { loop in
            let redis = try TestRedis()
            let fixture = try RedisFixture.shared(loop)
            let other = try RedisFixture(loop, url: redis.url)
            let shards = [try fixture.makeShards(1)[0], try other.makeShards(1)[0]]
            let queue = ShardedJobQueue(loop: loop, shards: shards)
            for shard in shards { try await shard.push(jobs(0..<3)) }
            let claim = try #require(try await queue.claim(limit: 100, linger: .zero, wait: .seconds(5)))
            #expect(claim.jobs.count == 6)
            redis.signal(SIGSTOP)
            try await queue.finish(claim, dead: [], returned: [])
            #expect(try await fixture.keys().filter { $0.contains("claimed") }.isEmpty)
            redis.signal(SIGCONT)
            for _ in 0..<3000 {
                if (try? await other.keys().contains { $0.contains("claimed") }) == false { break }
                _ = try? await queue.claim(limit: 100, linger: .zero, wait: .milliseconds(20))
            }
            #expect(try await other.keys().filter { $0.contains("claimed") }.isEmpty)
            await queue.retire()
            try await fixture.clear()
        }
    }

    @Test func `what a dead logger had in any shard comes to another`() async throws {
        try await onLoop { loop in
            let fixture = try RedisFixture.shared(loop)
            let old = try fixture.makeShards(3, lease: .milliseconds(500), name: "old")
            for shard in old { try await shard.push(jobs(0..<5)) }
            let first = ShardedJobQueue(loop: loop, shards: old)
            #expect(try await first.claim(limit: 100, linger: .zero, wait: .seconds(5))?.jobs.count == 15)
            for shard in old { await shard.die() }
            let second = ShardedJobQueue(
                loop: loop, shards: try fixture.makeShards(3, lease: .milliseconds(500), name: "new"))
            var count = 0
            let end = ContinuousClock.now + .seconds(30)
            while count < 15, ContinuousClock.now < end {
                guard let claim = try await second.claim(limit: 100, linger: .zero, wait: .milliseconds(100)) else {
                    continue
                }
                count += claim.jobs.count
                try await second.finish(claim, dead: [], returned: [])
            }
            #expect(count == 15)
            await second.retire()
            await first.retire()
            try await fixture.clear()
        }
    }
}
