import BridgeCore
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Inbox
@testable import Journal

/// What the inbox of the embedded mode costs a message; docs/decisions/inbox.md quotes it.
///
///     CHATBRIDGE_BENCH=1 CHATBRIDGE_TARGETS=InboxTests swift test -c release -Xswiftc -enable-testing \
///         --disable-xctest --filter SQLiteInboxCost
@Suite(.enabled(if: TestEnvironment.value("CHATBRIDGE_BENCH") != nil), .serialized) struct SQLiteInboxCost {
    /// How events come: as many in work at once, and as many a second; 0: as fast as it goes.
    struct Load: Sendable, CustomTestStringConvertible {
        var width: Int
        var rate: Int
        var testDescription: String { rate == 0 ? "\(width) at once" : "\(rate)/s" }
    }

    static let loads = [Load(width: 1, rate: 0), Load(width: 64, rate: 0), Load(width: 64, rate: 500)]

    @Test(arguments: [InboxKeeping.names, .payload], loads)
    func `a message is claimed, begun and settled`(_ keeping: InboxKeeping, _ load: Load) async throws {
        try await SQLiteInboxFixture.run { fixture in
            let run = try await fixture.start()
            let queue = SQLiteJobQueue(file: run.file)
            let job = [UInt8](repeating: 0x20, count: 566)
            let payload = [UInt8](repeating: 0x20, count: 1_024)
            let count = load.rate == 0 ? 20_000 : load.rate * 8
            let meter = Meter()
            let drain = fixture.loop.spawn {
                while let claim = try? await queue.claim(limit: 500, linger: .milliseconds(50), wait: .seconds(2)) {
                    try? await queue.finish(claim, dead: [], returned: [])
                }
            }
            meter.begin()
            let tasks = (0..<load.width).map { lane in
                fixture.loop.spawn {
                    for number in stride(from: lane, to: count, by: load.width) {
                        if load.rate > 0 {
                            let due = meter.start + .microseconds(number * 1_000_000 / load.rate)
                            try? await fixture.loop.sleep(for: due - .now)
                        }
                        let entry = InboxEntry(
                            id: UUID(high: 1, low: UInt64(number)), names: ["telegram:\(700_000_000 + number)"],
                            lane: "telegram:\(number % 500)", purpose: .answer, payload: payload,
                            jobs: keeping == .payload ? [job] : [])
                        let before = ContinuousClock.now
                        let verdict = try? await run.inbox.claim([entry], keeping: keeping)
                        meter.claims.append(.now - before)
                        #expect(verdict == [.taken])
                        _ = try? await run.inbox.begin([entry.reference], progress: nil)
                        try? await run.inbox.settle(
                            .init(
                                entries: [entry.reference], names: keeping == .names ? entry.names : [],
                                jobs: keeping == .payload ? [job] : [job, job]))
                    }
                }
            }
            for task in tasks { await task.value }
            meter.end("\(keeping) \(load.testDescription)", count: count)
            await drain.value
            await run.stop()
        }
    }

    /// Log jobs alone, as the buffer pushes them and the logger takes them: the queue in the file beside that in memory.
    @Test(arguments: [true, false])
    func `log jobs go through the queue`(_ isFile: Bool) async throws {
        try await SQLiteInboxFixture.run { fixture in
            let file = InboxFile(loop: fixture.loop, folder: isFile ? fixture.path : nil)
            try await file.open()
            let queue: any JobQueue = isFile ? SQLiteJobQueue(file: file) : MemoryJobQueue(loop: fixture.loop)
            let jobs = Array(repeating: [UInt8](repeating: 0x20, count: 566), count: 5)
            let meter = Meter()
            let drain = fixture.loop.spawn {
                while let claim = try? await queue.claim(limit: 500, linger: .milliseconds(50), wait: .seconds(2)) {
                    try? await queue.finish(claim, dead: [], returned: [])
                }
            }
            meter.begin()
            // 1,000 jobs a second, pushed each 5 ms, as at 500 messages a second.
            for number in 0..<1_000 {
                try? await fixture.loop.sleep(for: meter.start + .milliseconds(number * 5) - .now)
                try await queue.push(jobs)
            }
            meter.end("queue in \(isFile ? "file" : "memory")", count: 5_000)
            await drain.value
            await file.close()
        }
    }
}

/// CPU of the process and times; touched on the loop alone.
private final class Meter: @unchecked Sendable {
    var claims: [Duration] = []
    private(set) var start = ContinuousClock.now
    private var cpu = 0.0

    func begin() {
        start = .now
        cpu = Meter.seconds()
    }

    func end(_ what: String, count: Int) {
        let used = (Meter.seconds() - cpu) / Double(count) * 1e6
        let wall = (ContinuousClock.now - start) / .seconds(1)
        let sorted = claims.sorted()
        let percentiles = sorted.isEmpty ? [] : [sorted[sorted.count / 2], sorted[sorted.count * 99 / 100]]
        print(
            "COST \(what): \((used * 10).rounded() / 10) µs CPU each, \(Int(Double(count) / wall))/s, claim p50 p99 "
                + percentiles.map { "\(Int($0 / .microseconds(1)))" }.joined(separator: " ") + " µs")
    }

    private static func seconds() -> Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }
}
