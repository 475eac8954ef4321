import BridgeCore
import EventLoop
import Telemetry
import Testing

@testable import Journal

@Suite struct LogBufferTests {
    /// A buffer with its parts, made on the loop.
    private struct Parts: Sendable {
        let queue: SwitchedQueue
        let buffer: LogBuffer
        let folder: TemporaryFolder

        init(_ loop: EventLoop, spooled: Bool = true, configure: (inout LogBuffer.Configuration) -> Void = { _ in })
            throws
        {
            folder = try TemporaryFolder()
            queue = SwitchedQueue(loop: loop)
            var configuration = LogBuffer.Configuration()
            configuration.firstPause = .milliseconds(5)
            configuration.longestPause = .milliseconds(20)
            configure(&configuration)
            let spool = spooled ? Spool(configuration: .init(directory: folder.path, segmentBytes: 64 << 10)) : nil
            buffer = LogBuffer(loop: loop, queue: queue, spool: spool, configuration: configuration)
        }

        func append(_ range: Range<Int>) {
            LogBufferTests.append(range.map { bytes("job \($0)") }, to: buffer)
        }
    }

    /// As the engine does it: synchronously, on the loop.
    private static func append(_ jobs: [[UInt8]], to buffer: LogBuffer) {
        buffer.assumeIsolated { buffer in for job in jobs { buffer.append(job) } }
    }

    private static func names(_ range: Range<Int>) -> [String] { range.map { "job \($0)" } }

    @Test func `jobs of one linger go out in one push, in order`() async throws {
        try await onLoop { loop in
            let parts = try Parts(loop) { $0.linger = .milliseconds(300) }
            parts.append(0..<10)
            await Task.yield()
            parts.append(10..<20)
            try await eventually("the push", on: loop) { await parts.queue.jobs.count == 20 }
            #expect(await parts.queue.pushes == [Self.names(0..<20)])
            #expect(parts.folder.files().isEmpty)
        }
    }

    @Test func `a full batch goes out at once, and none is larger than 500`() async throws {
        try await onLoop { loop in
            let parts = try Parts(loop) { $0.linger = .seconds(100) }
            parts.append(0..<1_200)
            try await eventually("two full batches", on: loop) { await parts.queue.jobs.count == 1_000 }
            #expect(await parts.queue.pushes.map(\.count) == [500, 500])
            await parts.buffer.drain(within: .seconds(5))
            #expect(await parts.queue.jobs == Self.names(0..<1_200))
        }
    }

    @Test func `one push is in flight at a time`() async throws {
        try await onLoop { loop in
            let parts = try Parts(loop)
            await parts.queue.set(delay: .milliseconds(3))
            for start in stride(from: 0, to: 3_000, by: 100) {
                parts.append(start..<start + 100)
                try await loop.sleep(for: .milliseconds(1))
            }
            try await eventually("all", on: loop) { await parts.queue.jobs.count == 3_000 }
            #expect(await parts.queue.mostInFlight == 1)
            #expect(await parts.queue.jobs == Self.names(0..<3_000))
        }
    }

    @Test func `while the queue is away jobs go to the spool, and come back in order`() async throws {
        try await onLoop { loop in
            let parts = try Parts(loop)
            parts.append(0..<100)
            try await eventually("the first push", on: loop) { await parts.queue.jobs.count == 100 }
            await parts.queue.set(.away)
            for start in stride(from: 100, to: 5_000, by: 100) {
                parts.append(start..<start + 100)
                try await loop.sleep(for: .milliseconds(1))
            }
            try await eventually("everything on disk", on: loop) {
                let depth = await parts.buffer.depth
                return await parts.buffer.spoolDepth == 4_900 && depth == 0
            }
            #expect(await parts.buffer.spoolBytes > 0)
            await parts.queue.set(.up)
            try await eventually("direct again", on: loop) { await !parts.buffer.isSpoolInUse }
            parts.append(5_000..<5_100)
            try await eventually("all", on: loop) { await parts.queue.jobs.count == 5_100 }
            #expect(await parts.queue.jobs == Self.names(0..<5_100))
            #expect(await parts.buffer.dropped == 0)
            #expect(parts.folder.files().isEmpty)
        }
    }

    @Test func `a push without an answer is made again and nothing overtakes it`() async throws {
        try await onLoop { loop in
            let parts = try Parts(loop)
            await parts.queue.set(.stopped(.milliseconds(30)))
            parts.append(0..<10)
            try await eventually("the lost answer", on: loop) { await parts.queue.jobs.count >= 10 }
            parts.append(10..<20)
            await parts.queue.set(.up)
            try await eventually("the second time", on: loop) { await parts.queue.jobs.count >= 30 }
            #expect(await Array(parts.queue.jobs.suffix(20)) == Self.names(0..<20))
        }
    }

    @Test func `a queue that stopped answering fills the disk and not the memory`() async throws {
        try await onLoop { loop in
            let parts = try Parts(loop) { $0.memoryBytes = 64 << 10 }
            await parts.queue.set(.stopped(.seconds(2)))
            let job = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000)
            var most = 0
            for _ in 0..<100 {
                Self.append([[UInt8]](repeating: job, count: 20), to: parts.buffer)
                most = max(most, await parts.buffer.depth)
                // The spool takes them although the first push has no answer yet.
                try await eventually("room in memory", on: loop) { await parts.buffer.depth <= 65 }
            }
            // 64 KiB in memory, and as much again that the spool's thread is writing.
            #expect(most <= 200, "\(most) jobs of 1,000 bytes were in memory")
            try await eventually("the disk", on: loop) { await parts.buffer.spoolDepth >= 1_000 }
            await parts.queue.set(.up)
            try await eventually("the replay", on: loop) { await !parts.buffer.isSpoolInUse }
            #expect(await parts.queue.jobs.count >= 2_000)
            #expect(await parts.buffer.dropped == 0)
        }
    }

    @Test func `a push that hangs is on disk meanwhile, and in the queue once when it is confirmed after all`()
        async throws
    {
        try await onLoop { loop in
            let parts = try Parts(loop)
            await parts.queue.set(delay: .milliseconds(2_500))
            parts.append(0..<10)
            try await eventually("the push", on: loop) { await parts.buffer.depth == 10 }
            try await loop.sleep(for: .milliseconds(50))
            await parts.queue.set(delay: .zero)
            parts.append(10..<20)
            try await eventually("the disk", on: loop) { await parts.buffer.spoolDepth == 20 }
            try await eventually("the replay", on: loop) { await !parts.buffer.isSpoolInUse }
            #expect(await parts.queue.jobs == Self.names(0..<20))
            #expect(await parts.buffer.spoolDepth == 0)
        }
    }

    @Test func `without a spool the oldest jobs are dropped and counted`() async throws {
        try await onLoop { loop in
            let parts = try Parts(loop, spooled: false) { $0.memoryBytes = 10_000 }
            await parts.queue.set(.away)
            parts.append(0..<5_000)
            let kept = await parts.buffer.depth
            let dropped = await parts.buffer.dropped
            #expect(kept + dropped == 5_000)
            #expect(kept > 500 && kept < 1_500)
            await parts.queue.set(.up)
            try await eventually("the rest", on: loop) { await parts.queue.jobs.count == kept }
            #expect(await parts.queue.jobs == Self.names(dropped..<5_000))
        }
    }

    @Test func `a drain hands over what waits at once`() async throws {
        try await onLoop { loop in
            let parts = try Parts(loop) { $0.linger = .seconds(100) }
            parts.append(0..<3)
            await parts.buffer.drain(within: .seconds(5))
            #expect(await parts.queue.jobs == Self.names(0..<3))
            #expect(await parts.buffer.depth == 0)
        }
    }

    @Test func `a drain without a queue leaves the jobs to the next process, which pushes them first`() async throws {
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            func leave() async {
                let queue = SwitchedQueue(loop: loop)
                await queue.set(.stopped(.milliseconds(400)))
                let buffer = LogBuffer(
                    loop: loop, queue: queue, spool: Spool(configuration: .init(directory: folder.path)))
                Self.append((0..<700).map { bytes("job \($0)") }, to: buffer)
                let start = ContinuousClock.now
                await buffer.drain(within: .milliseconds(50))
                #expect(await buffer.depth == 0)
                #expect(ContinuousClock.now - start < .seconds(4))
                // Nothing more comes of the process that is gone.
                await queue.set(.away)
            }
            await leave()
            let queue = SwitchedQueue(loop: loop)
            // The push that hangs still holds the first process's buffer: the lock is let go of with its last reference.
            try await eventually("the adoption", on: loop) {
                let next = LogBuffer(
                    loop: loop, queue: queue, spool: Spool(configuration: .init(directory: folder.path)))
                await next.start()
                guard await next.spoolDepth > 0 else { return false }
                await next.append(bytes("job 700"))
                try await eventually("the replay", on: loop) { await queue.jobs.count >= 701 }
                return true
            }
            #expect(await queue.jobs == Self.names(0..<701))
        }
    }
}
