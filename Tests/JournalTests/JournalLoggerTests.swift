import BridgeCore
import EventLoop
import JSON
import Telemetry
import Testing

@testable import Journal

@Suite struct JournalLoggerTests {
    private struct Parts: Sendable {
        let queue: MemoryJobQueue
        let store: ListStore
        let logger: JournalLogger

        init(
            _ loop: EventLoop, batch: Int = 500, flush: Duration = .milliseconds(2), patience: Duration = .seconds(30),
            writers: Int = 1
        ) {
            store = ListStore(writers: writers)
            queue = MemoryJobQueue(loop: loop)
            var configuration = JournalLogger.Configuration(batch: batch, flush: flush, name: "test-logger")
            configuration.firstPause = .milliseconds(2)
            configuration.longestPause = .milliseconds(10)
            configuration.patience = patience
            logger = JournalLogger(loop: loop, queue: queue, store: store, configuration: configuration)
        }

        func push(_ messages: [LogMessage]) async throws {
            try await queue.push(messages.map { LogJob.message($0).encoded() })
        }
    }

    /// Runs the logger beside the body and stops it behind it.
    private static func run(
        _ parts: Parts, on loop: EventLoop, whenEmpty: Bool = true, _ body: () async throws -> Void
    ) async throws {
        let running = loop.spawn(on: parts.logger) { await $0.run() }
        try await body()
        await parts.logger.stop(whenEmpty: whenEmpty)
        await running.value
    }

    @Test func `every job is written once and in order`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop)
            var messages = Messages()
            let jobs = messages.jobs(3_210)
            try await Self.run(parts, on: loop) {
                for start in stride(from: 0, to: jobs.count, by: 107) {
                    try await parts.push(Array(jobs[start..<min(start + 107, jobs.count)]))
                    if start.isMultiple(of: 3) { try await loop.sleep(for: .milliseconds(1)) }
                }
            }
            #expect(await parts.store.messages == jobs)
            #expect(await parts.logger.written == jobs.count)
            #expect(await parts.queue.depth() == 0)
        }
    }

    @Test func `batches grow while a backlog stands`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop, batch: 100)
            var messages = Messages()
            try await parts.push(messages.jobs(6_000))
            try await Self.run(parts, on: loop) {}
            let batches = await parts.store.batches
            #expect(batches.first == 100)
            #expect(batches.max() == 2_000)
            #expect(batches.reduce(0, +) == 6_000)
        }
    }

    @Test func `batches shrink again once the backlog is gone`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop, batch: 100)
            var messages = Messages()
            try await Self.run(parts, on: loop) {
                try await parts.push(messages.jobs(2_000))
                try await eventually("the backlog written", on: loop) { await parts.logger.written == 2_000 }
                // Held up: what comes now piles up in the queue while one batch is being written.
                await parts.store.hold()
                try await parts.push(messages.jobs(1))
                try await eventually("a write under way", on: loop) { await parts.store.heldWrites == 1 }
                try await parts.push(messages.jobs(450))
                try await eventually("the next claim", on: loop) { await parts.queue.depth() < 450 }
                await parts.store.release()
            }
            // As few as at the start, not as many as the backlog's last.
            #expect(await parts.store.batches.suffix(4) == [1, 100, 200, 150])
        }
    }

    @Test func `plain batches are written two at a time where the store can, and finished in order`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop, batch: 10, writers: 2)
            var messages = Messages()
            let jobs = messages.jobs(200)
            try await parts.push(jobs)
            await parts.store.hold()
            try await Self.run(parts, on: loop) {
                try await eventually("two writes under way", on: loop) { await parts.store.heldWrites == 2 }
                // 10 and 20 are being written, 40 are read and 80 claimed.
                try await eventually("the next claims", on: loop) { await parts.queue.depth() == 50 }
                #expect(await parts.store.heldWrites == 2)
                // The later one is through; the earlier is not, so neither claim may be finished.
                await parts.store.releaseLatest()
                try await eventually("its write done", on: loop) { await parts.store.batches == [20] }
                try await loop.sleep(for: .milliseconds(20))
                #expect(await parts.queue.claimed.map(\.jobs.count).reduce(0, +) == 150)
                await parts.store.release()
            }
            #expect(await parts.queue.claimed.isEmpty)
            #expect(await Set(parts.store.messages.map(\.id)) == Set(jobs.map(\.id)))
        }
    }

    @Test func `news of a message is not written beside the message`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop, batch: 1, writers: 2)
            var messages = Messages()
            let job = messages.next()
            await parts.store.hold()
            try await Self.run(parts, on: loop) {
                try await parts.push([job])
                try await eventually("a write under way", on: loop) { await parts.store.heldWrites == 1 }
                let change = LogStatusChange(id: job.id, at: .now(), status: .delivered)
                try await parts.queue.push([LogJob.status(change).encoded()])
                try await eventually("the news claimed", on: loop) { await parts.queue.depth() == 0 }
                try await loop.sleep(for: .milliseconds(20))
                #expect(await parts.store.heldWrites == 1)
                await parts.store.release()
            }
            // Never given back to the queue: it found its message.
            #expect(await parts.store.changes.count == 1)
            #expect(await parts.store.deferrals == 0)
        }
    }

    @Test func `the next batch is claimed while the store commits`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop, batch: 10)
            var messages = Messages()
            try await parts.push(messages.jobs(100))
            await parts.store.hold()
            try await Self.run(parts, on: loop) {
                try await eventually("a write under way", on: loop) { await parts.store.heldWrites == 1 }
                // 10 are being written, 20 (twice the batch, because it was full) are read, and 40 claimed.
                try await eventually("the next claims", on: loop) { await parts.queue.depth() == 30 }
                await parts.store.release()
            }
            #expect(await parts.store.messages.count == 100)
        }
    }

    @Test func `a job that is no job becomes a dead letter, and the others are written`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop)
            var messages = Messages()
            let good = messages.jobs(2)
            try await parts.queue.push([
                LogJob.message(good[0]).encoded(), bytes("not json \u{1}"),
                bytes(#"{"v":1,"kind":"message","id":"x"}"#),
                bytes("[1]"), LogJob.message(good[1]).encoded(), [0xFF, 0xFE],
            ])
            try await Self.run(parts, on: loop) {}
            #expect(await parts.store.messages == good)
            let dead = await parts.queue.dead()
            #expect(dead.count == 4)
            let letters = try dead.map { try JSONView(parsing: $0) }
            for letter in letters {
                #expect(letter["logger"].string == "test-logger")
                #expect(letter["at"].string.flatMap { Timestamp($0) } != nil)
                #expect(letter["error"].string?.isEmpty == false)
            }
            #expect(letters.map { $0["job"].kind } == [.string, .object, .string, .string])
            #expect(letters[0]["job"].string == "not json \u{1}")
            #expect(letters[1]["job"]["id"].string == "x")
            #expect(await parts.logger.dead == 4)
        }
    }

    @Test func `a job that the store refuses becomes a dead letter with the store's reason`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop)
            await parts.store.refuse(text: "message 1")
            var messages = Messages()
            let jobs = messages.jobs(3)
            // In front of it a job that is no job: the place in the batch is not the place among the readable ones.
            try await parts.queue.push([bytes("?")] + jobs.map { LogJob.message($0).encoded() })
            try await Self.run(parts, on: loop) {}
            #expect(await parts.store.messages == [jobs[0], jobs[2]])
            let refused = try JSONView(parsing: try #require(await parts.queue.dead().last))
            #expect(refused["error"].string == "refused")
            #expect(refused["job"]["id"].string == jobs[1].id.description)
            #expect(await parts.logger.written == 2)
        }
    }

    @Test func `a job of a later format stays in the queue`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop)
            var messages = Messages()
            let job = messages.next()
            let later = bytes(#"{"v":9,"something":"else"}"#)
            try await parts.queue.push([later])
            try await parts.push([job])
            try await Self.run(parts, on: loop, whenEmpty: false) {
                try await eventually("the job that can be read", on: loop) { await parts.store.messages == [job] }
                try await eventually("it to be given back", on: loop) { await parts.queue.depth() == 1 }
            }
            #expect(await parts.queue.takeAll() == [later])
            #expect(await parts.queue.deadCount() == 0)
        }
    }

    @Test func `news of a message that is not there yet wait for it`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop)
            var messages = Messages()
            let message = messages.next()
            let change = LogStatusChange(id: message.id, at: .now(), status: .read)
            try await parts.queue.push([LogJob.status(change).encoded()])
            try await Self.run(parts, on: loop, whenEmpty: false) {
                try await eventually("a first try", on: loop) { await !parts.store.batches.isEmpty }
                try await parts.push([message])
                try await eventually("the change", on: loop) { await parts.store.changes == [change] }
            }
            #expect(await parts.queue.deadCount() == 0)
        }
    }

    @Test func `news of a message that never comes are dead letters in the end`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop, patience: .milliseconds(150))
            let change = LogStatusChange(id: Messages.anyID(), at: .now(), status: .read)
            try await parts.queue.push([LogJob.status(change).encoded()])
            try await Self.run(parts, on: loop, whenEmpty: false) {
                try await eventually("the dead letter", on: loop) { await parts.queue.deadCount() == 1 }
            }
            #expect(await parts.store.changes.isEmpty)
        }
    }

    @Test
    func `a receipt moves the messages that it names, also when it comes first, and one of a stranger's is dropped`()
        async throws
    {
        try await onLoop { loop in
            let parts = Parts(loop, patience: .milliseconds(150))
            var messages = Messages()
            let message = messages.next("m1")
            func receipt(_ name: String) -> LogReceipt {
                LogReceipt(
                    id: Messages.anyID(), at: .now(), platform: message.session.platform,
                    conversation: message.session.conversation, status: .read, messages: [name])
            }
            try await parts.queue.push([LogJob.receipt(receipt("m1")).encoded()])
            try await parts.queue.push([LogJob.receipt(receipt("stranger")).encoded()])
            try await Self.run(parts, on: loop, whenEmpty: false) {
                try await eventually("a first try", on: loop) { await parts.queue.depth() == 2 }
                try await parts.push([message])
                try await eventually("the change", on: loop) {
                    await parts.store.changes.map(\.id) == [message.id]
                }
                try await eventually("the stranger's to be dropped", on: loop) { await parts.queue.depth() == 0 }
            }
            #expect(await parts.queue.deadCount() == 0)
            #expect(await parts.store.changes.map(\.status) == [.read])
        }
    }

    @Test func `while the store is away the batch waits, and is written when it is back`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop)
            await parts.store.fail(5)
            var messages = Messages()
            let jobs = messages.jobs(10)
            try await parts.push(jobs)
            try await Self.run(parts, on: loop) {}
            #expect(await parts.store.messages == jobs)
        }
    }

    @Test func `a stop finishes the batch in hand`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop)
            await parts.store.hold()
            var messages = Messages()
            let jobs = messages.jobs(10)
            try await parts.push(jobs)
            try await Self.run(parts, on: loop, whenEmpty: false) {
                try await eventually("a write under way", on: loop) { await parts.store.heldWrites == 1 }
                loop.spawn {
                    try? await loop.sleep(for: .milliseconds(5))
                    await parts.store.release()
                }
            }
            #expect(await parts.store.messages == jobs)
            #expect(await parts.queue.takeAll() == [])
        }
    }

    @Test func `an abandoned logger leaves what it did not commit, in order`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop, batch: 5)
            await parts.store.fail(1_000_000)
            var messages = Messages()
            let jobs = messages.jobs(50)
            try await parts.push(jobs)
            let running = loop.spawn(on: parts.logger) { await $0.run() }
            try await eventually("a claim", on: loop) { await parts.queue.depth() < 50 }
            await parts.logger.stop(whenEmpty: true)
            running.cancel()
            await running.value
            #expect(await parts.queue.takeAll() == jobs.map { LogJob.message($0).encoded() })
        }
    }

    @Test func `an idle logger stops at once`() async throws {
        try await onLoop { loop in
            let parts = Parts(loop, flush: .seconds(10))
            let start = ContinuousClock.now
            try await Self.run(parts, on: loop, whenEmpty: false) { try await loop.sleep(for: .milliseconds(5)) }
            #expect(ContinuousClock.now - start < .milliseconds(900))
        }
    }
}
