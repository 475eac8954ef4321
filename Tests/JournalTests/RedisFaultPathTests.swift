import BridgeCore
import EventLoop
import Glibc
import Redis
import Telemetry
import TestSupport
import Testing

@testable import Journal

/// What a Redis can do to the way of a log job: in the end each is in the store once, and none is a dead letter.
@Suite(.enabled(if: TestEnvironment.redisServer != nil), .serialized) struct RedisFaultPathTests {
    /// A bridge's end and a logger's end, each behind a proxy of its own.
    private final class Way: @unchecked Sendable {
        // Unchecked: one test owns it, on its loop.
        let loop: EventLoop
        let folder: TemporaryFolder
        let redis: RedisFixture
        let bridgeSide: FaultProxy
        let loggerSide: FaultProxy
        let buffer: LogBuffer
        let store = ListStore()
        let probe = LogProbe()
        let logger: JournalLogger
        private let running: Task<Void, Never>
        private var messages = Messages()
        private(set) var ids: [UUID] = []

        init(_ loop: EventLoop, _ server: TestRedis) async throws {
            self.loop = loop
            folder = try TemporaryFolder()
            let redis = try RedisFixture(loop, url: server.url)
            self.redis = redis
            bridgeSide = try FaultProxy(to: server.port)
            loggerSide = try FaultProxy(to: server.port)
            func queue(_ proxy: FaultProxy) throws -> RedisJobQueue {
                try redis.makeQueue(
                    lease: .milliseconds(900), timeout: .milliseconds(300),
                    through: "redis://127.0.0.1:\(proxy.port)")
            }
            var configuration = LogBuffer.Configuration()
            configuration.firstPause = .milliseconds(5)
            configuration.longestPause = .milliseconds(50)
            buffer = LogBuffer(
                loop: loop, queue: try queue(bridgeSide), spool: Spool(configuration: .init(directory: folder.path)),
                configuration: configuration, log: probe.log)
            var speed = JournalLogger.Configuration(batch: 50, flush: .milliseconds(2))
            speed.firstPause = .milliseconds(5)
            speed.longestPause = .milliseconds(50)
            let logger = JournalLogger(
                loop: loop, queue: try queue(loggerSide), store: store, configuration: speed, log: probe.log)
            self.logger = logger
            running = loop.spawn(on: logger) { await $0.run() }
        }

        func say(_ count: Int) async {
            let some = messages.jobs(count)
            ids += some.map(\.id)
            await append(some)
        }

        private func append(_ some: [LogMessage]) async {
            for message in some { await buffer.append(LogJob.message(message).encoded()) }
        }

        /// Waits until everything said is in the store.
        func arrive(_ what: String) async throws {
            let expected = Set(ids)
            try await eventually(what, on: loop) { await Set(self.store.messages.map(\.id)) == expected }
        }

        func end() async throws {
            try await arrive("all in the end")
            await logger.stop()
            await running.value
            #expect(await store.messages.count == ids.count)
            #expect(await logger.dead == 0)
            #expect(await buffer.dropped == 0)
        }
    }

    @Test func `whatever Redis answers, to bridge or logger, nothing is lost`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let way = try await Way(loop, server)
            await way.say(20)
            try await way.arrive("the first")
            for answer in [
                "-LOADING Redis is loading the dataset in memory", "-MASTERDOWN Link with MASTER is down",
                "-READONLY You can't write against a read only replica.",
                "-NOREPLICAS Not enough good replicas to write.",
                "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
                "-OOM command not allowed when used memory > 'maxmemory'.", "-BUSY Redis is busy running a script.",
                "-UNBLOCKED force unblock from blocking operation", "-NOAUTH Authentication required.",
                "-ERR max number of clients reached", "-CLUSTERDOWN The cluster is down", "+OK", ":-1", "$-1", "*0",
                "%1", "HTTP/1.1 400 Bad Request", "$999999999999999999999",
            ] {
                for proxy in [way.bridgeSide, way.loggerSide] { proxy.set(.replace(with: bytes(answer + "\r\n"))) }
                await way.say(10)
                try await way.arrive("after \(answer)")
            }
            for count in [0, 1, 3] {
                for proxy in [way.bridgeSide, way.loggerSide] { proxy.set(.cut(after: count)) }
                await way.say(10)
                try await way.arrive("after a reply cut at \(count)")
            }
            for count in [0, 1, 100] {
                for proxy in [way.bridgeSide, way.loggerSide] { proxy.set(.cut(after: count), on: .requests) }
                await way.say(10)
                try await way.arrive("after a command cut at \(count)")
            }
            try await way.end()
        }
    }

    @Test func `a slow Redis is only slow`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let way = try await Way(loop, server)
            for proxy in [way.bridgeSide, way.loggerSide] { proxy.set(.delay(.milliseconds(30))) }
            await way.say(50)
            try await way.arrive("those of a slow wire")
            for proxy in [way.bridgeSide, way.loggerSide] {
                proxy.set(.trickle(bytes: 100, every: .milliseconds(1)))
                proxy.set(.trickle(bytes: 200, every: .milliseconds(1)), on: .requests)
            }
            await way.say(50)
            try await way.arrive("those of a trickle")
            try await way.end()
        }
    }

    @Test func `a Redis that holds still is spooled for and caught up with`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let way = try await Way(loop, server)
            await way.say(20)
            try await way.arrive("the first")
            server.signal(SIGSTOP)
            await way.say(100)
            try await eventually("the spool", on: loop) { await way.buffer.spoolDepth >= 100 }
            await way.say(20)
            server.signal(SIGCONT)
            try await way.end()
            #expect(await !way.buffer.isSpoolInUse)
        }
    }

    @Test func `a Redis that is restarted, cleanly and by a kill, loses nothing`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let way = try await Way(loop, server)
            for signal in [SIGTERM, SIGKILL] {
                await way.say(50)
                server.stop(signal)
                await way.say(50)
                try await eventually("the spool", on: loop) { await way.buffer.spoolDepth >= 50 }
                try server.start()
                await way.say(10)
                try await way.arrive("after signal \(signal)")
            }
            try await way.end()
        }
    }

    @Test func `a failover loses nothing that the new master had`() async throws {
        try await onLoop { loop in
            let old = try TestRedis()
            let new = try TestRedis(["--replicaof", "127.0.0.1 \(old.port)", "--repl-diskless-sync-delay", "0"])
            let way = try await Way(loop, old)
            // The logger waits: all of it is in Redis when the master dies.
            way.loggerSide.set(.hold, on: .requests)
            await way.say(200)
            let replica = RedisClient(loop: loop, configuration: try RedisConfiguration(url: new.url))
            let key = "\(way.redis.prefix):log"
            try await eventually("the replica to have all", on: loop) {
                (try? await replica.send(["LLEN", key]).integer) == 200
            }
            old.stop(SIGKILL)
            await way.say(50)
            try await eventually("the spool", on: loop) { await way.buffer.spoolDepth >= 50 }
            // The name leads to the replica before it is the master: READONLY for a while.
            for proxy in [way.bridgeSide, way.loggerSide] {
                proxy.redirect(to: new.port)
                proxy.set(.none, on: .requests)
                proxy.cutAll()
            }
            await way.say(20)
            try await eventually("READONLY", on: loop) { way.probe.count("READONLY") > 0 }
            try await replica.send(["REPLICAOF", "NO", "ONE"])
            await way.say(20)
            try await way.end()
            await replica.shutdown()
        }
    }

    @Test func `a Redis that takes no writes is waited for`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let way = try await Way(loop, server)
            await way.say(20)
            try await way.arrive("the first")
            // Too few replicas: NOREPLICAS.
            _ = try await way.redis.client.send(["CONFIG", "SET", "min-replicas-to-write", "1"])
            await way.say(20)
            try await eventually("the spool", on: loop) { await way.buffer.spoolDepth >= 20 }
            #expect(way.probe.count("NOREPLICAS") > 0)
            _ = try await way.redis.client.send(["CONFIG", "SET", "min-replicas-to-write", "0"])
            try await way.arrive("after NOREPLICAS")
            // A snapshot that cannot be written, as on a full disk: MISCONF.
            _ = try await way.redis.client.send(["CONFIG", "SET", "save", "3600 1"])
            let file = server.directory + "/dump.rdb"
            mkdir(file, 0o700)
            mkdir(file + "/full", 0o700)
            _ = try? await way.redis.client.send(["BGSAVE"])
            try await eventually("MISCONF", on: loop) {
                (try? await way.redis.client.send(["SET", "\(way.redis.prefix):x", "1"])) == nil
            }
            await way.say(20)
            try await eventually("the spool", on: loop) { await way.buffer.spoolDepth >= 20 }
            #expect(way.probe.count("MISCONF") > 0)
            rmdir(file + "/full")
            rmdir(file)
            _ = try await way.redis.client.send(["BGSAVE"])
            try await way.end()
        }
    }

    @Test func `at its memory limit Redis is drained, and the spool takes what it does not`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let way = try await Way(loop, server)
            way.loggerSide.set(.hold, on: .requests)
            await way.say(300)
            let key = "\(way.redis.prefix):log"
            try await eventually("a queue", on: loop) { try await way.redis.client.send(["LLEN", key]).integer == 300 }
            _ = try await way.redis.client.send(["CONFIG", "SET", "maxmemory", "1"])
            await way.say(50)
            try await eventually("the spool", on: loop) { await way.buffer.spoolDepth >= 50 }
            #expect(way.probe.count("OOM") > 0)
            way.loggerSide.set(.none, on: .requests)
            try await eventually("the queue drained", on: loop) { await way.store.messages.count == 300 }
            _ = try await way.redis.client.send(["CONFIG", "SET", "maxmemory", "0"])
            try await way.end()
        }
    }

    @Test func `at its memory limit Redis takes dead letters, jobs given back and leases`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            let redis = try RedisFixture(loop, url: server.url)
            let pusher = try redis.makeQueue()
            var messages = Messages()
            var all = messages.jobs(100).map { LogJob.message($0).encoded() }
            all.insert(bytes("poison"), at: 50)
            all.insert(bytes(#"{"v":2,"kind":"message"}"#), at: 60)
            try await pusher.push(all)
            _ = try await redis.client.send(["CONFIG", "SET", "maxmemory", "1"])
            let store = ListStore()
            let queue = try redis.makeQueue()
            let logger = JournalLogger(
                loop: loop, queue: queue, store: store,
                configuration: .init(batch: 50, flush: .milliseconds(2)))
            let running = loop.spawn(on: logger) { await $0.run() }
            // Before: a dead letter was refused for ever, and with it the end of its claim, so that no memory was ever given back.
            try await eventually("all", on: loop) { await store.messages.count == 100 }
            try await eventually("the dead letter", on: loop) { try await redis.list("log:dead").count == 1 }
            #expect(try await redis.keys().contains { $0.hasPrefix("log:lease:") })
            await logger.stop()
            await running.value
            await queue.retire()
            #expect(try await redis.list("log") == [#"{"v":2,"kind":"message"}"#])
            #expect(try await redis.keys().filter { $0.hasPrefix("log:claimed") }.isEmpty)
        }
    }
}
