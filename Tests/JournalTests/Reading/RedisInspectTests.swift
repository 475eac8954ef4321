import EventLoop
import Redis
import TestSupport
import Testing

@testable import Journal

/// What the operator's commands see of the queue in Redis.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisInspectTests {
    @Test func `a job is met in the queue, in a hand that lives, in one that is gone, and among the dead`() async throws
    {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let logger = try redis.makeQueue(name: "logger")
            let looking = try redis.makeQueue()
            // More than are read at once.
            try await looking.push(jobs(0..<1200))
            let wanted = bytes(names(700..<701)[0])
            func places() async throws -> [FoundJob.Place] { try await looking.find { $0 == wanted }.map(\.place) }
            #expect(try await places() == [.queue(ahead: 700)])

            _ = try #require(try await logger.claim(limit: 600, linger: .zero, wait: .seconds(5)))
            #expect(try await places() == [.queue(ahead: 100)])
            let claim = try #require(try await logger.claim(limit: 300, linger: .zero, wait: .seconds(5)))
            let id = await logger.logger
            #expect(try await places() == [.claimed(logger: id, isAlive: true)])
            let (alive, claimed) = try await looking.loggersInWork()
            #expect(alive == 1 && claimed == 900)

            let letter = bytes("letter: ") + wanted
            try await logger.finish(claim, dead: [letter], returned: [])
            #expect(try await looking.find { $0.holds(wanted) }.map(\.place) == [.dead])
            #expect(try await looking.deadLetters(from: 0, count: 5) == [letter])
            #expect(try await looking.retryDeadLetter(letter, job: wanted))
            #expect(try await !looking.retryDeadLetter(letter, job: wanted))
            #expect(try await places() == [.queue(ahead: 300)])
            #expect(try await !looking.dropDeadLetter(letter))

            _ = try #require(try await logger.claim(limit: 1000, linger: .zero, wait: .seconds(5)))
            await logger.retire()
            #expect(try await places() == [.claimed(logger: id, isAlive: false)])
            try await redis.clear()
        }
    }
}
