import BridgeCore
import EventLoop
import Glibc
import Inbox
import Redis

/// What the inbox costs for each message: CPU of the bridge and of Redis, and time.
///
///     InboxBenchmark REDIS_URL [MESSAGES [IN_FLIGHT [log|names|payload]]]
///
/// Each message is claimed, begun and settled by one bridge, as `IN_FLIGHT` conversations do it side by side. Its keys go under
/// a prefix of their own and stay until they expire: give it a Redis that nobody else uses.
@main
enum InboxBenchmark {
    /// What is done for a message.
    enum Way: String, CaseIterable {
        /// Its two log jobs are pushed and nothing else: what it cost without an inbox.
        case log
        /// `ACK=fast` and one bridge, besides its log jobs.
        case names
        /// `ACK=durable`, or several bridges, with its log jobs.
        case payload
    }

    private static let jobSize = 566
    private static let payloadSize = 700
    private static let answerSize = 300

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 1 else {
            print("usage: InboxBenchmark REDIS_URL [MESSAGES [IN_FLIGHT [log|names|payload]]]")
            exit(64)
        }
        let url = arguments[1]
        let count = arguments.count > 2 ? Int(arguments[2]) ?? 100_000 : 100_000
        let width = arguments.count > 3 ? Int(arguments[3]) ?? 64 : 64
        let ways = arguments.count > 4 ? [Way(rawValue: arguments[4])].compactMap { $0 } : Way.allCases
        let loop = try EventLoop()
        try loop.run {
            print("way       bridge us  Redis us  in scripts us  messages/s  p50 us  p99 us")
            for way in ways { try await measure(way, url: url, count: count, width: width, loop) }
        }
    }

    private static func measure(
        _ way: Way, url: String, count: Int, width: Int, _ loop: EventLoop
    ) async throws {
        let redis = try RedisConfiguration(url: url)
        let client = RedisClient(loop: loop, configuration: redis)
        let prefix = "bench-\(UInt64.random(in: .min ... .max))"
        let inbox = RedisInbox(
            loop: loop, client: client, blockingClient: RedisClient(loop: loop, configuration: redis),
            configuration: .init(prefix: prefix))
        await inbox.start(InboxReceiver(deliver: { _ in }, lanesInWork: { [:] }))
        let times = Times(count)
        // A first part that is not counted: scripts are loaded, buffers have grown.
        try await work(way, 0..<2_000, width, client, inbox, prefix, times, loop)
        try await client.send(["CONFIG", "RESETSTAT"])
        times.taken = []
        let (start, cpu, server) = (ContinuousClock.now, processCPU(), try await serverCPU(client))
        try await work(way, 2_000..<2_000 + count, width, client, inbox, prefix, times, loop)
        let elapsed = seconds(ContinuousClock.now - start)
        let own = (processCPU() - cpu) / Double(count) * 1e6
        let theirs = (try await serverCPU(client) - server) / Double(count) * 1e6
        let scripts = try await scriptTime(client) / Double(count)
        times.taken.sort()
        let (median, high) = (times.taken[count / 2], times.taken[count * 99 / 100])
        let rate = Int(Double(count) / elapsed)
        let name = way.rawValue + String(repeating: " ", count: 10 - way.rawValue.count)
        print("\(name)\(tenths(own))  \(tenths(theirs))  \(tenths(scripts))  \(rate)  \(Int(median))  \(Int(high))")
        await inbox.retire()
        try await client.send(["FLUSHDB"])
    }

    // Unchecked: touched on the loop alone.
    private final class Times: @unchecked Sendable {
        var taken: [Double] = []
        init(_ count: Int) { taken.reserveCapacity(count) }
    }

    private static func work(
        _ way: Way, _ numbers: Range<Int>, _ width: Int, _ client: RedisClient, _ inbox: RedisInbox, _ prefix: String,
        _ times: Times, _ loop: EventLoop
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<width {
                group.addTask(executorPreference: loop) {
                    var generator = UUIDGenerator()
                    for number in stride(from: numbers.lowerBound + worker, to: numbers.upperBound, by: width) {
                        let start = ContinuousClock.now
                        let entry = InboxEntry(
                            id: generator.next(at: .now()), names: ["telegram:\(number)"], lane: "telegram:\(worker):",
                            purpose: .answer, payload: [UInt8](repeating: 0x78, count: payloadSize),
                            jobs: way == .payload ? [[UInt8](repeating: 0x78, count: jobSize)] : [])
                        try await handle(entry, way, client, inbox, prefix)
                        times.taken.append(seconds(ContinuousClock.now - start) * 1e6)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func handle(
        _ entry: InboxEntry, _ way: Way, _ client: RedisClient, _ inbox: RedisInbox, _ prefix: String
    ) async throws {
        let job = [UInt8](repeating: 0x78, count: jobSize)
        switch way {
        case .log:
            try await client.send(RedisCommand("LPUSH", arguments: [Array("\(prefix):log".utf8), job, job]))
        case .names:
            let verdict = try await inbox.claim([entry], keeping: .names)
            precondition(verdict == [.taken])
            let isOurs = try await inbox.begin([entry.reference], progress: nil)
            precondition(isOurs)
            try await inbox.settle(InboxSettlement(entries: [entry.reference], names: entry.names))
        case .payload:
            let verdict = try await inbox.claim([entry], keeping: .payload)
            precondition(verdict == [.taken])
            let isOurs = try await inbox.begin(
                [entry.reference], progress: [UInt8](repeating: 0x78, count: answerSize))
            precondition(isOurs)
            try await inbox.settle(InboxSettlement(entries: [entry.reference], jobs: [job]))
        }
    }

    // MARK: Clocks

    private static func processCPU() -> Double {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    private static func serverCPU(_ client: RedisClient) async throws -> Double {
        let text = try await client.send(["INFO", "cpu"]).text ?? ""
        return value("used_cpu_sys:", in: text) + value("used_cpu_user:", in: text)
    }

    /// Microseconds that scripts and pushes took by the server's own count.
    private static func scriptTime(_ client: RedisClient) async throws -> Double {
        let text = try await client.send(["INFO", "commandstats"]).text ?? ""
        let scripts = value("cmdstat_evalsha:calls=", in: text, after: "usec=")
        return scripts > 0 ? scripts : value("cmdstat_lpush:calls=", in: text, after: "usec=")
    }

    private static func value(_ name: String, in text: String, after label: String? = nil) -> Double {
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix(name) {
            var rest = line.dropFirst(name.count)
            if let label {
                while !rest.isEmpty, !rest.hasPrefix(label) { rest = rest.dropFirst() }
                rest = rest.dropFirst(label.count)
            }
            return Double(rest.prefix { $0.isNumber || $0 == "." }) ?? 0
        }
        return 0
    }

    private static func seconds(_ duration: Duration) -> Double {
        let parts = duration.components
        return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
    }

    private static func tenths(_ number: Double) -> String {
        let text = "\((number * 10).rounded() / 10)"
        return String(repeating: " ", count: max(0, 8 - text.count)) + text
    }
}
