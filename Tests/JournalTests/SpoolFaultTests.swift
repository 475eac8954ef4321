import BridgeCore
import EventLoop
import Glibc
import Postgres
import Redis
import TestSupport
import Testing

@testable import Journal

/// A disk that is full, a process without descriptors, a clock that is set: each in a process of its own where it would be felt by
/// other tests.
@Suite struct SpoolFaultTests {
    private static func jobs(_ range: Range<Int>) -> [[UInt8]] {
        range.map { bytes("job \($0) " + String(repeating: "x", count: 1_000)) }
    }

    private static func configuration() -> LogBuffer.Configuration {
        var configuration = LogBuffer.Configuration()
        configuration.firstPause = .milliseconds(5)
        configuration.longestPause = .milliseconds(20)
        return configuration
    }

    private static func setLimit(_ which: __rlimit_resource, _ value: UInt) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(which.rawValue), &limit)
        limit.rlim_cur = value
        precondition(setrlimit(__rlimit_resource_t(which.rawValue), &limit) == 0)
    }

    @Test func `a full disk keeps jobs in memory, is said once, and is used again when there is room`() async {
        await #expect(processExitsWith: .success) {
            // A file's largest size stands for the disk's: the same error, of `pwrite`, in the middle of a record.
            signal(SIGXFSZ, SIG_IGN)
            SpoolFaultTests.setLimit(RLIMIT_FSIZE, 8_192)
            try await onLoop { loop in
                let folder = try TemporaryFolder()
                let probe = LogProbe()
                let queue = SwitchedQueue(loop: loop)
                await queue.set(.away)
                let buffer = LogBuffer(
                    loop: loop, queue: queue,
                    spool: Spool(configuration: .init(directory: folder.path), log: probe.log),
                    configuration: SpoolFaultTests.configuration(), log: probe.log)
                await buffer.start()
                let jobs = SpoolFaultTests.jobs(0..<200)
                for (number, job) in jobs.enumerated() {
                    await buffer.append(job)
                    if number % 20 == 0 { try await loop.sleep(for: .milliseconds(10)) }
                }
                try await eventually("a complaint", on: loop) { probe.count("cannot be spooled") > 0 }
                // Many tries later.
                try await loop.sleep(for: .milliseconds(300))
                let (depth, spooled, lost) = (await buffer.depth, await buffer.spoolDepth, await buffer.dropped)
                guard depth + spooled == 200, lost == 0, depth > 0 else { exit(10) }
                guard probe.count("cannot be spooled") == 1 else { exit(11) }
                // No file for each try.
                guard folder.files().count <= 3 else { exit(12) }
                guard folder.files().allSatisfy({ readFile($0).count <= 8_192 }) else { exit(13) }
                SpoolFaultTests.setLimit(RLIMIT_FSIZE, 1 << 30)
                try await eventually("all on disk", on: loop) { await buffer.spoolDepth == 200 }
                await queue.set(.up)
                try await eventually("all in the queue", on: loop) { await queue.jobs.count == 200 }
                guard await queue.jobs == jobs.map(text) else { exit(14) }
            }
            exit(0)
        }
    }

    @Test func `a disk without room for a segment's first bytes is left without files`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            let folder = try TemporaryFolder()
            let spool = Spool(configuration: .init(directory: folder.path))
            SpoolFaultTests.setLimit(RLIMIT_FSIZE, 8)
            for _ in 0..<20 {
                do {
                    _ = try await spool.append(SpoolFaultTests.jobs(0..<1))
                    exit(10)
                } catch { continue }
            }
            guard folder.files().filter({ $0.hasSuffix(".spool") }).isEmpty else { exit(11) }
            SpoolFaultTests.setLimit(RLIMIT_FSIZE, 1 << 30)
            guard try await spool.append(SpoolFaultTests.jobs(0..<1)).records == 1 else { exit(12) }
            exit(0)
        }
    }

    @Test func `without descriptors Redis, Postgres and the spool are tried again until there are some`() async {
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let folder = try TemporaryFolder()
                // What a dead process left; its lock is free once nothing holds the spool.
                do {
                    let dead = Spool(configuration: .init(directory: folder.path))
                    _ = try await dead.append(SpoolFaultTests.jobs(0..<10))
                }
                try await loop.sleep(for: .milliseconds(100))
                let probe = LogProbe()
                let queue = SwitchedQueue(loop: loop)
                await queue.set(.away)
                let buffer = LogBuffer(
                    loop: loop, queue: queue,
                    spool: Spool(configuration: .init(directory: folder.path), log: probe.log),
                    configuration: SpoolFaultTests.configuration(), log: probe.log)
                var redis = try RedisConfiguration(url: "redis://127.0.0.1:1")
                redis.maxBackoff = .milliseconds(20)
                let client = RedisClient(loop: loop, configuration: redis)
                let database = PostgresConnection(
                    configuration: try PostgresConfiguration("postgres://127.0.0.1:1/x"))
                SpoolFaultTests.setLimit(RLIMIT_NOFILE, 256)
                var taken: [Int32] = []
                while true {
                    let descriptor = dup(0)
                    guard descriptor >= 0 else { break }
                    taken.append(descriptor)
                }
                await buffer.start()
                for job in SpoolFaultTests.jobs(10..<20) { await buffer.append(job) }
                for _ in 0..<5 {
                    if (try? await client.send(["PING"])) != nil { exit(10) }
                    do throws(PostgresError) {
                        try await database.connect()
                        exit(11)
                    } catch {
                        guard error.isRetryable else { exit(12) }
                    }
                    try await loop.sleep(for: .milliseconds(20))
                }
                guard await buffer.depth == 10, await buffer.spoolDepth == 0, await buffer.dropped == 0 else {
                    exit(13)
                }
                guard probe.count("cannot be looked at") == 1 else { exit(14) }
                for descriptor in taken { close(descriptor) }
                try await eventually("the dead one's jobs and ours", on: loop) { await buffer.spoolDepth == 20 }
                await queue.set(.up)
                try await eventually("all in the queue", on: loop) { Set(await queue.jobs).count == 20 }
                guard await Set(queue.jobs) == Set(SpoolFaultTests.jobs(0..<20).map(text)) else { exit(15) }
            }
            exit(0)
        }
    }

    @Test func `a spool of many files needs a descriptor at each end alone`() async throws {
        let folder = try TemporaryFolder()
        func openFiles() -> Int {
            TestEnvironment.files(in: "/proc/self/fd").count { name in
                var buffer = [CChar](repeating: 0, count: 4096)
                let count = readlink("/proc/self/fd/\(name)", &buffer, buffer.count - 1)
                let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
                return path.hasPrefix(folder.path) && path.hasSuffix(Self.suffix)
            }
        }
        let spool = Spool(configuration: .init(directory: folder.path, segmentBytes: 2_048))
        for start in 0..<60 { _ = try await spool.append(Self.jobs(start..<start + 1)) }
        #expect(folder.files().count > 30)
        #expect(openFiles() == 1)
        let page = try #require(try await spool.oldest(maximumCount: 1, maximumBytes: 4_096))
        #expect(openFiles() == 2)
        _ = try await spool.remove(page)
        var found = page.jobs
        while let page = try await spool.oldest(maximumCount: 10, maximumBytes: 100_000) {
            found += page.jobs
            _ = try await spool.remove(page)
        }
        #expect(found == Self.jobs(0..<60))
    }

    private static let suffix = ".spool"

    @Test func `a file that somebody deleted holds up nothing behind it`() async throws {
        let folder = try TemporaryFolder()
        let spool = Spool(configuration: .init(directory: folder.path, segmentBytes: 1_024))
        for start in 0..<5 { _ = try await spool.append(Self.jobs(start..<start + 1)) }
        unlink(try #require(folder.files().filter { $0.hasSuffix(Self.suffix) }.sorted().first))
        var found: [[UInt8]] = []
        while let page = try await spool.oldest(maximumCount: 10, maximumBytes: 100_000) {
            found += page.jobs
            _ = try await spool.remove(page)
        }
        #expect(found == Self.jobs(1..<5))
        #expect(await spool.status.damaged == 1)
    }

    @Test
    func
        `files that were written before the clock was set back are replayed first, also by the process after the next`()
        async throws
    {
        let folder = try TemporaryFolder()
        // A process whose clock was a day ahead of ours.
        do {
            let ahead = Spool(configuration: .init(directory: folder.path))
            _ = try await ahead.append(Self.jobs(0..<3))
        }
        let old = try #require(folder.files().first { $0.hasSuffix(Self.suffix) })
        let tomorrow = Timestamp.now().microseconds + 86_400_000_000
        let name = "0000" + String(tomorrow) + Self.suffix
        #expect(rename(old, old.prefix(upTo: old.lastIndex(of: "/")!) + "/" + name) == 0)
        // Adopts it, adds its own, and dies too.
        do {
            let middle = Spool(configuration: .init(directory: folder.path))
            #expect(try await eventuallyAdopts(middle, 3))
            _ = try await middle.append(Self.jobs(3..<6))
        }
        let last = Spool(configuration: .init(directory: folder.path))
        #expect(try await eventuallyAdopts(last, 6))
        let page = try #require(try await last.oldest(maximumCount: 3, maximumBytes: 100_000))
        #expect(page.jobs == Self.jobs(0..<3))
    }

    /// The lock goes with the last reference to the actor, which its thread may hold a moment longer.
    private func eventuallyAdopts(_ spool: Spool, _ count: Int) async throws -> Bool {
        try await TestSupport.eventually { try await spool.open().records == count }
    }

    @Test func `what a limit drops is counted, and said once a minute`() async throws {
        let folder = try TemporaryFolder()
        let probe = LogProbe()
        let spool = Spool(
            configuration: .init(directory: folder.path, maximumBytes: 16_384, segmentBytes: 2_048), log: probe.log)
        var status = Spool.Status()
        for start in stride(from: 0, to: 400, by: 2) { status = try await spool.append(Self.jobs(start..<start + 2)) }
        #expect(status.dropped > 300)
        #expect(status.dropped + status.records == 400)
        #expect(probe.count("its oldest log jobs are dropped") == 1)
        var line = OnceAMinute()
        let start = ContinuousClock.now
        let due = stride(from: 0, to: 300, by: 10).filter { line.isDue(at: start + .seconds($0)) }
        #expect(due == [0, 60, 120, 180, 240])
    }

    @Test func `memory that is full drops the oldest, counts them, and says it once a minute`() async throws {
        try await onLoop { loop in
            let queue = SwitchedQueue(loop: loop)
            await queue.set(.away)
            let probe = LogProbe()
            var configuration = Self.configuration()
            configuration.memoryBytes = 50_000
            let buffer = LogBuffer(
                loop: loop, queue: queue, spool: nil, configuration: configuration, log: probe.log)
            for job in Self.jobs(0..<5_000) { await buffer.append(job) }
            let (dropped, depth) = (await buffer.dropped, await buffer.depth)
            #expect(dropped > 4_000)
            #expect(dropped + depth == 5_000)
            #expect(probe.count("memory for log jobs is full") == 1)
        }
    }

    @Test func `ids stay in order and sessions go on when the clock is set back`() async throws {
        var generator = UUIDGenerator()
        let now = Timestamp.now()
        let day = Int64(86_400_000_000)
        var ids: [UUID] = []
        for step in [0, day, 2, -day, 3, 0] {
            ids.append(generator.next(at: Timestamp(microseconds: now.microseconds + step)))
        }
        #expect(Set(ids).count == ids.count)
        #expect(ids == ids.sorted { ($0.high, $0.low) < ($1.high, $1.low) })
        let candidates = ids
        try await onLoop { loop in
            let registry = SharedRegistry()
            var configuration = SessionDirectory.Configuration(timeToLive: .seconds(3_600))
            configuration.refreshInterval = .seconds(60)
            let directory = SessionDirectory(loop: loop, registry: registry, configuration: configuration)
            let key = SessionKey(platform: "t", conversation: "1")
            let first = await directory.resolve(key, at: now, candidate: candidates[0])
            // A day back: the same session, of which the registry hears again rather than after a day.
            let asked = await registry.questions
            let yesterday = Timestamp(microseconds: now.microseconds - day)
            #expect(await directory.resolve(key, at: yesterday, candidate: candidates[1]) == first)
            try await eventually("news for the registry", on: loop) { await registry.questions > asked }
            // A day ahead: silent for longer than a session lives, as far as anybody can tell.
            let tomorrow = Timestamp(microseconds: now.microseconds + day)
            _ = await directory.resolve(key, at: tomorrow, candidate: candidates[2])
        }
    }
}
