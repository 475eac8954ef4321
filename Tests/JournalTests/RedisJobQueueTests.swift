import EventLoop
import Glibc
import Redis
import TestSupport
import Testing

@testable import Journal

/// What the reliable claim promises when something dies, hangs or is full.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisJobQueueTests {
    private static func drain(_ queue: RedisJobQueue, limit: Int = 100, until count: Int) async throws -> [String] {
        var found: [String] = []
        let end = ContinuousClock.now + .seconds(30)
        while found.count < count, ContinuousClock.now < end {
            guard let claim = try await queue.claim(limit: limit, linger: .zero, wait: .milliseconds(100)) else {
                continue
            }
            found += claim.jobs.map(text)
            try await queue.finish(claim, dead: [], returned: [])
        }
        return found
    }

    @Test func `an idle logger leaves no list behind`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let queue = try redis.makeQueue()
            try await queue.push(jobs(0..<10))
            #expect(try await Self.drain(queue, until: 10) == names(0..<10))
            #expect(try await redis.keys().filter { $0.hasPrefix("log:claimed") }.isEmpty)
            await queue.retire()
            #expect(try await redis.keys().isEmpty)
        }
    }

    @Test func `what a dead logger had claimed is taken over once its lease has run out, and not before`() async throws
    {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let dead = try redis.makeQueue(lease: .milliseconds(600))
            try await dead.push(jobs(0..<30))
            let first = try #require(try await dead.claim(limit: 10, linger: .zero, wait: .seconds(5)))
            let second = try #require(try await dead.claim(limit: 10, linger: .zero, wait: .seconds(5)))
            #expect(first.jobs.count + second.jobs.count == 20)
            let heir = try redis.makeQueue(lease: .milliseconds(600))
            #expect(try await Self.drain(heir, until: 10) == names(20..<30))
            // The lease stands as long as the logger lives, however long its batch takes.
            #expect(try await heir.claim(limit: 10, linger: .zero, wait: .seconds(1)) == nil)
            await dead.die()
            #expect(try await Self.drain(heir, until: 20).sorted() == names(0..<20).sorted())
            await heir.retire()
            try await redis.clear()
        }
    }

    @Test func `the leftovers of an earlier run are the first that a logger takes`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let earlier = try redis.makeQueue()
            try await earlier.push(jobs(0..<20))
            _ = try await earlier.claim(limit: 10, linger: .zero, wait: .seconds(5))
            await earlier.retire()
            let queue = try redis.makeQueue()
            #expect(try await Self.drain(queue, until: 20) == names(0..<20))
            await queue.retire()
            #expect(try await redis.keys().isEmpty)
            try await redis.clear()
        }
    }

    @Test func `leftovers are found also when Redis was away at the start`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let redis = try RedisFixture(loop, url: server.url)
            let earlier = try redis.makeQueue()
            try await earlier.push(jobs(0..<5))
            _ = try await earlier.claim(limit: 10, linger: .zero, wait: .seconds(5))
            await earlier.retire()
            // As after a crash of Redis: nobody is in the set any more.
            _ = try await redis.client.send(["DEL", "\(redis.prefix):log:loggers"])
            server.stop()
            let queue = try redis.makeQueue(lease: .milliseconds(600))
            await #expect(throws: JobQueueError.self) {
                try await queue.claim(limit: 10, linger: .zero, wait: .milliseconds(10))
            }
            try server.start()
            var found: [String] = []
            try await eventually("the leftovers", on: loop) {
                let claim = try? await queue.claim(limit: 10, linger: .zero, wait: .milliseconds(50))
                guard let claim else { return false }
                found += claim.jobs.map(text)
                try await queue.finish(claim, dead: [], returned: [])
                return found.count == 5
            }
            #expect(found == names(0..<5))
            await queue.retire()
        }
    }

    @Test func `a zombie's acknowledgement reaches nothing of its heir's`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let zombie = try redis.makeQueue(lease: .milliseconds(300))
            try await zombie.push(jobs(0..<10))
            let old = try #require(try await zombie.claim(limit: 10, linger: .zero, wait: .seconds(5)))
            let oldID = await zombie.logger
            await zombie.die()
            let heir = try redis.makeQueue(lease: .seconds(10))
            var claim: ClaimedJobs?
            try await eventually("the take-over", on: loop) {
                _ = try await redis.client.send(["DEL", "\(redis.prefix):log:lease:\(oldID)"])
                await heir.lookForLapsed(everywhere: true)
                claim = try await heir.claim(limit: 10, linger: .zero, wait: .milliseconds(10))
                return claim != nil
            }
            try await zombie.finish(old, dead: [bytes("zombie")], returned: [bytes("zombie")])
            try await zombie.finish(old, dead: [], returned: [])
            #expect(try await redis.list("log") == [])
            #expect(try await redis.list("log:dead") == [])
            let held = try #require(claim)
            #expect(try await redis.list(String(held.receipt.place.dropFirst(redis.prefix.count + 1))) == names(0..<10))
            try await heir.finish(held, dead: [], returned: [])
            await heir.retire()
            try await redis.clear()
        }
    }

    @Test func `a logger that lost its lease goes on under a new name`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let queue = try redis.makeQueue(lease: .milliseconds(300))
            try await queue.push(jobs(0..<10))
            _ = try await queue.claim(limit: 10, linger: .zero, wait: .seconds(5))
            let old = await queue.logger
            _ = try await redis.client.send(["DEL", "\(redis.prefix):log:lease:\(old)"])
            try await eventually("a new name", on: loop) { await queue.logger != old }
            // Nobody else is there: its own old claim comes back to it.
            #expect(try await Self.drain(queue, until: 10) == names(0..<10))
            await queue.retire()
            try await redis.clear()
        }
    }

    @Test func `an answer that was lost loses no job`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let redis = try RedisFixture(loop, url: server.url)
            let queue = try redis.makeQueue(lease: .seconds(1), timeout: .milliseconds(200))
            try await queue.push(jobs(0..<100))
            let first = try #require(try await queue.claim(limit: 10, linger: .zero, wait: .seconds(5)))
            // From here on nothing is answered, and all that was sent is executed later.
            server.signal(SIGSTOP)
            for _ in 0..<3 {
                await #expect(throws: JobQueueError.self) {
                    _ = try await queue.claim(limit: 10, linger: .zero, wait: .milliseconds(50))
                }
            }
            server.signal(SIGCONT)
            var found = Set(first.jobs.map(text))
            try await eventually("every job", on: loop) {
                let claim = try? await queue.claim(limit: 10, linger: .zero, wait: .milliseconds(50))
                if let claim {
                    found.formUnion(claim.jobs.map(text))
                    try? await queue.finish(claim, dead: [], returned: [])
                }
                return found.count == 100
            }
            await queue.retire()
        }
    }

    /// Found by the model of the claims (Tests/ModelTests): the end of a claim deleted what a late command had put beside it.
    @Test func `a job that a command of an earlier claim moves late is not deleted with a later claim`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let redis = try RedisFixture(loop, url: server.url)
            let queue = try redis.makeQueue(timeout: .milliseconds(200))
            server.signal(SIGSTOP)
            await #expect(throws: JobQueueError.self) {
                _ = try await queue.claim(limit: 10, linger: .zero, wait: .milliseconds(50))
            }
            let givenUp = await queue.keys.claimed(by: queue.id, number: queue.claims)
            server.signal(SIGCONT)
            try await eventually("a push", on: loop) { (try? await queue.push(jobs(0..<5))) != nil }
            var claim: ClaimedJobs?
            try await eventually("a claim", on: loop) {
                claim = try? await queue.claim(limit: 10, linger: .zero, wait: .milliseconds(50))
                return claim != nil
            }
            // What a server does whose blocked client it takes for alive.
            try await queue.push(jobs(5..<6))
            _ = try await redis.client.send(["LMOVE", queue.keys.queue, givenUp, "RIGHT", "LEFT"])
            try await queue.finish(try #require(claim), dead: [], returned: [])
            await queue.lookForLapsed(everywhere: true)
            #expect(try await Self.drain(queue, until: 1) == ["job 5"])
            await queue.retire()
        }
    }

    @Test func `a Redis at its memory limit still drains, in order`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let redis = try RedisFixture(loop, url: server.url)
            let queue = try redis.makeQueue()
            for start in stride(from: 0, to: 3_000, by: 500) { try await queue.push(jobs(start..<start + 500)) }
            _ = try await redis.client.send(["CONFIG", "SET", "maxmemory", "1"])
            let error = await #expect(throws: JobQueueError.self) { try await queue.push(jobs(0..<1)) }
            #expect(error?.code == .full)
            let first = try #require(try await queue.claim(limit: 500, linger: .zero, wait: .seconds(5)))
            let second = try #require(try await queue.claim(limit: 500, linger: .zero, wait: .seconds(5)))
            #expect(first.jobs.map(text) == names(0..<500))
            #expect(second.jobs.map(text) == names(500..<1_000))
            try await queue.finish(first, dead: [], returned: [])
            try await queue.finish(first, dead: [], returned: [])
            try await queue.finish(second, dead: [], returned: [])
            #expect(try await Self.drain(queue, limit: 700, until: 2_000) == names(1_000..<3_000))
            #expect(try await queue.claim(limit: 500, linger: .zero, wait: .milliseconds(100)) == nil)
            _ = try await redis.client.send(["CONFIG", "SET", "maxmemory", "0"])
            try await queue.push(jobs(0..<3))
            #expect(try await Self.drain(queue, until: 3) == names(0..<3))
            #expect(try await redis.keys().filter { $0.hasPrefix("log:claimed") }.isEmpty)
            await queue.retire()
        }
    }

    @Test(arguments: ["+@all", "+@all -@dangerous +info +keys"])
    func `a claim takes the oldest in their order, whatever is allowed`(rights: String) async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let user = redis.prefix
            let allowed = rights.split(separator: " ").map(String.init)
            _ = try await redis.client.send(
                RedisCommand("ACL", arguments: (["SETUSER", user, "on", ">word", "~*", "&*"] + allowed).map(bytes)))
            let address = try #require(
                redis.url.split(separator: "@").last?.split(separator: "/").last { $0.contains(":") })
            let queue = try redis.makeQueue(through: "redis://\(user):word@\(address)")
            try await queue.push(jobs(0..<2_500))
            var found: [String] = []
            for limit in [1, 700, 1_500, 500] {
                let claim = try #require(try await queue.claim(limit: limit, linger: .zero, wait: .seconds(5)))
                #expect(claim.jobs.count == min(limit, 2_500 - found.count))
                found += claim.jobs.map(text)
                try await queue.finish(claim, dead: [], returned: [])
            }
            #expect(found == names(0..<2_500))
            #expect(try await queue.depth() == 0)
            await queue.retire()
            _ = try await redis.client.send(["ACL", "DELUSER", user])
            try await redis.clear()
        }
    }

    @Test func `two loggers share the queue, and no job is claimed twice`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let queues = [try redis.makeQueue(), try redis.makeQueue()]
            for start in stride(from: 0, to: 5_000, by: 500) { try await queues[0].push(jobs(start..<start + 500)) }
            let found = try await withThrowingTaskGroup(of: [String].self) { group in
                for queue in queues {
                    group.addTask {
                        var found: [String] = []
                        while let claim = try await queue.claim(limit: 70, linger: .zero, wait: .milliseconds(200)) {
                            found += claim.jobs.map(text)
                            try await queue.finish(claim, dead: [], returned: [])
                        }
                        return found
                    }
                }
                return try await group.reduce(into: [String]()) { $0 += $1 }
            }
            #expect(found.count == 5_000)
            #expect(Set(found).count == 5_000)
            for queue in queues { await queue.retire() }
            try await redis.clear()
        }
    }

    @Test func `popping loses nothing when the logger is stopped while it waits`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let queue = try redis.makeQueue(.brpop)
            let claiming = Task(executorPreference: loop) {
                try await queue.claim(limit: 10, linger: .milliseconds(50), wait: .seconds(2))
            }
            try await loop.sleep(for: .milliseconds(50))
            claiming.cancel()
            try await queue.push(jobs(0..<1))
            let claim = try await claiming.value
            let inHand = claim?.jobs.map(text) ?? []
            #expect(try await inHand + redis.list("log") == names(0..<1))
            try await redis.clear()
        }
    }

    @Test func `a prefix with pattern characters is a prefix and no pattern`() {
        let keys = RedisKeys(prefix: "a*b[c]?\\")
        #expect(keys.claimedPattern == "a\\*b\\[c\\]\\?\\\\:log:claimed:*")
        #expect(keys.owner(ofClaimed: keys.claimed(by: "host-1", number: 7)) == "host-1")
        #expect(keys.owner(ofClaimed: "other") == nil)
    }
}
