import BridgeCore
import EventLoop
import TestSupport
import Testing

@testable import Journal

/// Bridges that are newer than the loggers: their jobs stay, and hold nobody up.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RollingUpgradeTests {
    private static func newer(_ range: Range<Int>) -> [[UInt8]] {
        range.map { bytes(#"{"v":2,"kind":"message","id":"later-\#($0)"}"#) }
    }

    @Test func `old jobs come through a queue full of newer ones, of which none is lost`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let pusher = try redis.makeQueue()
            var messages = Messages()
            for start in stride(from: 0, to: 20_000, by: 500) {
                try await pusher.push(Self.newer(start..<start + 500))
                if start % 5_000 == 0 { try await pusher.push(messages.jobs(3).map { LogJob.message($0).encoded() }) }
            }
            let store = ListStore()
            let probe = LogProbe()
            var loggers: [(JournalLogger, Task<Void, Never>, RedisJobQueue)] = []
            for _ in 0..<3 {
                let queue = try redis.makeQueue(lease: .seconds(2))
                let logger = JournalLogger(
                    loop: loop, queue: queue, store: store, configuration: .init(batch: 500, flush: .milliseconds(5)),
                    log: probe.log)
                loggers.append((logger, loop.spawn(on: logger) { await $0.run() }, queue))
            }
            try await eventually("the old ones", on: loop) { await store.messages.count == 12 }
            // They come last into a queue that holds nothing else for these loggers.
            try await pusher.push(messages.jobs(10).map { LogJob.message($0).encoded() })
            try await eventually("the late ones", on: loop) { await store.messages.count == 22 }
            // Between looks at what they cannot use they rest.
            for (logger, _, _) in loggers {
                try await eventually("a rest", on: loop) { await logger.pauseBeforeClaim > .zero }
            }
            for (logger, task, queue) in loggers {
                await logger.stop()
                await task.value
                #expect(await logger.dead == 0)
                await queue.retire()
            }
            #expect(probe.count("for a newer logger") <= 3)
            var left = try await redis.list("log")
            for key in try await redis.keys() where key.hasPrefix("log:claimed") { left += try await redis.list(key) }
            #expect(left.count == 20_000)
            #expect(Set(left) == Set(Self.newer(0..<20_000).map(text)))
            try await redis.clear()
        }
    }

    @Test func `a few newer jobs alone in the queue are looked at less and less often`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let queue = try redis.makeQueue()
            try await queue.push(Self.newer(0..<5))
            let store = ListStore()
            let logger = JournalLogger(
                loop: loop, queue: queue, store: store, configuration: .init(batch: 500, flush: .milliseconds(1)))
            let running = loop.spawn(on: logger) { await $0.run() }
            try await eventually("a longer rest", on: loop) { await logger.pauseBeforeClaim >= .milliseconds(400) }
            var messages = Messages()
            try await queue.push(messages.jobs(1).map { LogJob.message($0).encoded() })
            try await eventually("the old one", on: loop) { await store.messages.count == 1 }
            await logger.stop()
            await running.value
            await queue.retire()
            #expect(try await redis.list("log").count == 5)
            try await redis.clear()
        }
    }
}
