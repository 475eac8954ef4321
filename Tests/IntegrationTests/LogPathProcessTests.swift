import BridgeCore
import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import Postgres
import Redis
import Synchronization
import TestSupport
import Testing

/// The log path as processes: loggers that are killed, bridges that are told to end at any moment, no descriptors left.
@Suite(
    .enabled(if: TestEnvironment.redisServer != nil && TestEnvironment.databaseURL != nil), .timeLimit(.minutes(5)),
    .serialized)
struct LogPathProcessTests {
    private static func redis(_ url: String) throws -> (RedisClient, EventLoop) {
        let loop = try EventLoop()
        loop.startThread(name: "redis")
        return (RedisClient(loop: loop, configuration: try RedisConfiguration(url: url)), loop)
    }

    @Test func `of three loggers one is killed every moment, and each job is written once`() async throws {
        let stack = try await TestStack.shared([:])
        let (client, loop) = try Self.redis(stack.redisURL)
        defer { loop.stop() }
        var random = Seeded(state: 4)
        var loggers: [ChildProcess] = []
        func start() throws {
            loggers.append(try stack.makeLogger(["LEASE_MS": "500", "LOG_BATCH": "50"]))
        }
        for _ in 0..<3 { try start() }
        var generator = UUIDGenerator()
        let session = generator.next(at: .now())
        var total = 0
        for round in 0..<40 {
            var command = RedisCommand("LPUSH", "\(stack.prefix):log")
            for _ in 0..<100 {
                let now = Timestamp.now()
                let message = LogMessage(
                    id: generator.next(at: now), at: now,
                    session: .init(id: session, platform: "test", conversation: "c\(total % 7)", user: "u"),
                    direction: .inbound, sender: "u", text: "\(total)", status: .received)
                command.append(LogJob.message(message).encoded())
                total += 1
            }
            try await client.send(command)
            try await Task.sleep(for: .milliseconds(Int64.random(in: 10...60, using: &random)))
            if round % 4 == 3 {
                loggers.remove(at: Int.random(in: 0..<3, using: &random)).end(SIGKILL)
                try start()
            }
        }
        let expected = total
        let isThere = await eventually { (try? await stack.count()) == expected }
        let found = try await stack.count()
        #expect(isThere, "\(found) of \(expected); \(loggers.map { $0.output.suffix(500) })")
        let texts = try await stack.rows().compactMap(\.text)
        #expect(Set(texts).count == expected)
        // What the dead had claimed was taken over, and ended.
        let isEmpty = await eventually {
            (try? await client.send(["KEYS", "\(stack.prefix):log:claimed:*"]).array?.isEmpty) == true
        }
        #expect(isEmpty)
        #expect(try await client.send(["LLEN", "\(stack.prefix):log:dead"]).integer == 0)
        for logger in loggers { #expect(logger.end(SIGTERM) == 0) }
        await client.shutdown()
    }

    @Test func `serve and logger end in order at any moment of a load, and nothing accepted is missing`() async throws {
        try await endsInOrder(rounds: 8, seed: 11) { stack, random in
            try stack.startBridge()
            try stack.startLogger()
            let pause = Int64.random(in: 0...250, using: &random)
            return (pause, Bool.random(using: &random))
        }
    }

    @Test func `run without Redis ends in order at any moment of a load, and nothing accepted is missing`() async throws
    {
        try await endsInOrder(rounds: 6, seed: 12) { stack, random in
            try stack.startRun()
            return (Int64.random(in: 0...250, using: &random), true)
        }
    }

    /// Starts the processes in rounds, with users who never stop writing, and asks them to end at a random moment.
    private func endsInOrder(
        rounds: Int, seed: UInt64, _ start: (TestStack, inout Seeded) throws -> (Int64, Bool)
    ) async throws {
        let telegram = try await RecordingServer { _ in
            .json(Array(#"{"ok":true,"result":{"message_id":\#(UInt32.random(in: 1...1_000_000))}}"#.utf8))
        }
        let stack = try await TestStack.shared([
            "TELEGRAM_BOT_TOKEN": "1:t", "TELEGRAM_WEBHOOK_SECRET": "s", "TELEGRAM_API_BASE": telegram.url,
            "TELEGRAM_RATE_LIMIT": "off", "STREAMING": "off", "AGENT": "echo", "LEASE_MS": "500",
        ])
        var random = Seeded(state: seed)
        let crowd = try Crowd(url: stack.url, secret: "s")
        let writing = Task { await crowd.write() }
        for round in 0..<rounds {
            let (pause, isBridgeFirst) = try start(stack, &random)
            // At least one round is stopped with messages in work.
            let before = crowd.accepted.count
            if round % 2 == 0 { _ = await eventually { crowd.accepted.count > before + 5 } }
            try await Task.sleep(for: .milliseconds(pause))
            // Before that the system ends it as it likes; it has touched nothing yet.
            if let logger = stack.logger { _ = await eventually { logger.output.contains("logging") } }
            let order = [stack.bridge, stack.logger].compactMap(\.self)
            for process in isBridgeFirst ? order : order.reversed() { process.signal(SIGTERM) }
            for process in order {
                let code = process.wait(seconds: 30)
                #expect(code == 0, "round \(round): \(process.output.suffix(1500))")
            }
        }
        crowd.stop()
        await writing.value
        #expect(crowd.accepted.count > rounds)
        // What the last ones left in Redis or in the spool is for the next.
        _ = try start(stack, &random)
        let accepted = crowd.accepted
        let isThere = await eventually {
            guard let rows = try? await stack.rows() else { return false }
            let inbound = rows.filter { $0.direction == "inbound" }.compactMap(\.text)
            return Set(inbound).isSuperset(of: accepted) && rows.count { $0.direction == "outbound" } >= inbound.count
        }
        let rows = try await stack.rows()
        let inbound = rows.filter { $0.direction == "inbound" }.compactMap(\.text)
        #expect(isThere, "missing: \(accepted.subtracting(inbound)); \(stack.output)")
        #expect(Set(inbound).count == inbound.count)
        // Each answer that a user has seen is in the log, once.
        let delivered = telegram.requests.compactMap { (try? JSONView(parsing: $0.body))?["text"].string }
        let outbound = rows.filter { $0.direction == "outbound" }.compactMap(\.text)
        #expect(Set(outbound) == Set(delivered))
        #expect(outbound.count == Set(outbound).count)
        for process in [stack.bridge, stack.logger].compactMap(\.self) { process.end(SIGTERM) }
    }

    @Test func `a logger whose database is held ends all the same, and its batch is the next one's`() async throws {
        let postgres = try TestPostgres()
        let stack = try await TestStack(
            databaseURL: postgres.url, redisURL: TestEnvironment.redisURL ?? "", variables: [:])
        let (client, loop) = try Self.redis(stack.redisURL)
        defer { loop.stop() }
        let logger = try stack.makeLogger(["SHUTDOWN_TIMEOUT_MS": "300"])
        var generator = UUIDGenerator()
        func push() async throws {
            let now = Timestamp.now()
            let message = LogMessage(
                id: generator.next(at: now), at: now,
                session: .init(id: generator.next(at: now), platform: "test", conversation: "c", user: "u"),
                direction: .inbound, sender: "u", text: "hi", status: .received)
            try await client.send(
                RedisCommand(
                    "LPUSH", arguments: [Array("\(stack.prefix):log".utf8), LogJob.message(message).encoded()]))
        }
        try await push()
        #expect(await eventually { (try? await stack.count()) == 1 })
        postgres.signalAll(SIGSTOP)
        try await push()
        #expect(await eventually { (try? await client.send(["LLEN", "\(stack.prefix):log"]).integer) == 0 })
        #expect(logger.end(SIGTERM) == 0, "\(logger.output)")
        postgres.signalAll(SIGCONT)
        let next = try stack.makeLogger([:])
        #expect(await eventually { (try? await stack.count()) == 2 })
        #expect(next.end(SIGTERM) == 0)
        await client.shutdown()
    }

    @Test func `a bridge without descriptors turns nobody's processor, and takes messages again when there are some`()
        async throws
    {
        let telegram = try await RecordingServer { _ in .json(Array(#"{"ok":true,"result":{"message_id":1}}"#.utf8)) }
        let stack = try await TestStack.shared([
            "TELEGRAM_BOT_TOKEN": "1:t", "TELEGRAM_WEBHOOK_SECRET": "s", "TELEGRAM_API_BASE": telegram.url,
            "TELEGRAM_RATE_LIMIT": "off", "STREAMING": "off", "AGENT": "echo",
        ])
        try stack.startBridge(through: ["prlimit", "--nofile=40:40"])
        try stack.startLogger()
        let bridge = try #require(stack.bridge)
        var idle: [Int32] = []
        for _ in 0..<80 { idle.append(try connection(to: stack.port)) }
        func processorTicks() -> Int {
            let text = String(decoding: TestEnvironment.read("/proc/\(bridge.pid)/stat") ?? [], as: UTF8.self)
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            return fields.count > 13 ? (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0) : 0
        }
        let before = processorTicks()
        try await Task.sleep(for: .seconds(1))
        // A loop that turns on a listener that stays ready takes all of the 100 ticks of a second.
        #expect(processorTicks() - before < 40)
        #expect(bridge.isRunning)
        for descriptor in idle { close(descriptor) }
        let crowd = try Crowd(url: stack.url, secret: "s")
        let writing = Task { await crowd.write() }
        #expect(await eventually { crowd.accepted.count > 20 })
        crowd.stop()
        await writing.value
        let accepted = crowd.accepted
        let isThere = await eventually {
            let rows = (try? await stack.rows()) ?? []
            return Set(rows.compactMap(\.text)).isSuperset(of: accepted) && rows.count >= 2 * accepted.count
        }
        #expect(isThere, "\(stack.output)")
        try stack.stopBridge()
    }

    private func connection(to port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw ChildProcess.Failure("no connection to port \(port)") }
        return descriptor
    }
}

/// The same numbers for the same seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

/// Users who write to the bot one after the other, whether anybody listens or not, and know what was accepted.
private final class Crowd: Sendable {
    private let url: String
    private let secret: String
    private let loop: EventLoop
    private let client: HTTPClient
    private let texts = Mutex<Set<String>>([])
    private let isOver = Atomic(false)

    init(url: String, secret: String) throws {
        self.url = url
        self.secret = secret
        loop = try EventLoop()
        loop.startThread(name: "crowd")
        client = HTTPClient(loop: loop)
    }

    deinit { loop.stop() }

    var accepted: Set<String> { texts.withLock { $0 } }

    func stop() { isOver.store(true, ordering: .releasing) }

    func write() async {
        var number = 0
        while !isOver.load(ordering: .acquiring) {
            number += 1
            let text = "message \(number)"
            let body = """
                {"update_id":\(number),"message":{"message_id":\(number),"date":1790000000,"text":"\(text)",
                "from":{"id":\(number % 5),"is_bot":false,"first_name":"Ada"},
                "chat":{"id":\(number % 5),"type":"private","first_name":"Ada"}}}
                """
            let response = try? await client.send(
                HTTPClientRequest(
                    method: .post, url: "\(url)/webhooks/telegram",
                    headers: ["Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": secret],
                    body: Array(body.utf8)))
            if response?.status == .ok { texts.withLock { _ = $0.insert(text) } }
            try? await Task.sleep(for: .milliseconds(response == nil ? 20 : 3))
        }
    }
}
