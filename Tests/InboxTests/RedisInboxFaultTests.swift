import BridgeCore
import EventLoop
import Glibc
import Redis
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Inbox

/// What the inbox does when Redis is away, slow, full, read-only, or has lost its data; each test has a server of its own.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisInboxFaultTests {
    /// A server, a proxy before it, and a bridge behind that.
    struct Place {
        let server: TestRedis
        let proxy: FaultProxy
        let redis: RedisFixture
        let metrics = Metrics()
        let bridge: RedisInbox
        let received = Received()

        init(_ loop: EventLoop, lease: Duration = .seconds(2), timeout: Duration = .milliseconds(1_500)) async throws {
            server = try TestRedis()
            proxy = try FaultProxy(to: server.port)
            redis = try RedisFixture(loop, url: server.url)
            bridge = try redis.makeBridge(
                lease: lease, timeout: timeout, via: "redis://127.0.0.1:\(proxy.port)", metrics: metrics)
            await bridge.start(received.receiver)
            let started = bridge
            try await eventually("the start", on: loop) { await started.hasRoom }
        }

        /// The ids that Redis holds for the bridge.
        func held() async throws -> Set<String> {
            let key = "\(redis.prefix):inbox:held:\(await bridge.bridge)"
            return Set(try await redis.client.send(["HKEYS", key]).array?.compactMap(\.text) ?? [])
        }
    }

    @Test func `a claim whose reply was lost is handed over once, and its platform's retry is a duplicate`()
        async throws
    {
        try await onLoop { loop in
            let place = try await Place(loop, lease: .seconds(600))
            place.proxy.set(.swallow, on: .replies)
            let entries = [event("1"), event("2", lane: nil)]
            let error = await #expect(throws: InboxError.self) {
                try await place.bridge.claim(entries, keeping: .payload)
            }
            #expect(error?.code == .unavailable)
            place.proxy.set(.none, on: .replies)
            try await eventually("the events", on: loop) { place.received.payloads == ["1", "2"] }
            try await eventually("a claim", on: loop) { (try? await place.bridge.claim(event("1"))) == .duplicate }
            #expect(try await place.bridge.begin(entries.map(\.reference), progress: nil))
            for entry in entries { try await place.bridge.settle(entry) }
            _ = await place.bridge.beat()
            #expect(place.received.payloads == ["1", "2"])
            #expect(try await place.held().isEmpty)
            await place.bridge.retire()
        }
    }

    @Test func `bridges that Redis was away from for longer than a lease do not take each other for dead`() async throws
    {
        try await onLoop { loop in
            let server = try TestRedis()
            let redis = try RedisFixture(loop, url: server.url)
            let (lease, received) = (Duration.milliseconds(500), [Received(), Received()])
            let names = Mutex<[String]>([])
            let bridges = try (0..<2).map { _ in try redis.makeBridge(lease: lease, grace: nil, timeout: .seconds(1)) }
            for (bridge, receiver) in zip(bridges, received) {
                await bridge.start(receiver.receiver)
                try await eventually("the start", on: loop) { await bridge.hasRoom }
                let id = await bridge.bridge
                names.withLock { $0.append(id) }
                let name = "\(id) holds"
                try await eventually("a claim", on: loop) {
                    (try? await bridge.claim(event(name, lane: id))).map { $0 != .forwarded } ?? false
                }
            }
            server.signal(SIGSTOP)
            // More than a lease, on the clock of the server too.
            try await Task.sleep(for: lease * 3)
            server.signal(SIGCONT)
            for bridge in bridges {
                try await eventually("a sign of life", on: loop) {
                    guard await bridge.beat(), let since = await bridge.reachedSince, let at = await bridge.reachedAt
                    else { return false }
                    return at - since >= lease * 2
                }
            }
            #expect(await bridges[0].bridge == names.withLock { $0[0] })
            #expect(await bridges[1].bridge == names.withLock { $0[1] })
            // One that gives no sign of life is dead all the same.
            await bridges[0].die()
            try await eventually("the take-over", on: loop) {
                received[1].payloads.contains("\(names.withLock { $0[0] }) holds")
            }
            await bridges[1].retire()
        }
    }

    @Test func `a claim that a stopped Redis executes later is handed over once`() async throws {
        try await onLoop { loop in
            // Executed after the first sign of life that follows, perhaps: the next one finds it.
            let place = try await Place(loop, lease: .seconds(5))
            place.server.signal(SIGSTOP)
            await #expect(throws: InboxError.self) { try await place.bridge.claim(event("1")) }
            // Known to be away: at once.
            let before = ContinuousClock.now
            for _ in 0..<20 { await #expect(throws: InboxError.self) { try await place.bridge.claim(event("2")) } }
            #expect(ContinuousClock.now - before < .seconds(8), "each waits for the timeout")
            place.server.signal(SIGCONT)
            try await eventually("the event", on: loop) { place.received.payloads == ["1"] }
            try await eventually("a claim", on: loop) { (try? await place.bridge.claim(event("3"))) == .taken }
            #expect(place.received.payloads == ["1"])
            await place.bridge.retire()
        }
    }

    @Test func `an engine that goes on without the answer to its claim begins and settles as if it had it`()
        async throws
    {
        try await onLoop { loop in
            let place = try await Place(loop, lease: .seconds(600))
            // Executed and not: the one's reply is lost, the other's request.
            for (direction, name) in [(FaultProxy.Direction.replies, "1"), (.requests, "2")] {
                let entry = event(name)
                // Else it is not even sent.
                try await eventually("nothing in doubt", on: loop) {
                    let isDone = await place.bridge.beat()
                    let isInDoubt = await place.bridge.mustAudit
                    return isDone && !isInDoubt
                }
                place.proxy.set(.swallow, on: direction)
                await #expect(throws: InboxError.self) { try await place.bridge.claim(entry) }
                place.proxy.set(.none, on: direction)
                try await eventually("the beginning", on: loop) {
                    (try? await place.bridge.begin([entry.reference], progress: nil)) == true
                }
                #expect(try await place.held() == [entry.id.description])
                #expect(try await place.redis.keys().contains("inbox:seen:test:\(name)"))
                try await eventually("the end", on: loop) { (try? await place.bridge.settle(entry)) != nil }
                #expect(try await place.held() == [])
                #expect(try await !place.redis.keys().contains("inbox:lanes"))
            }
            await place.bridge.retire()
        }
    }

    @Test func `what an earlier connection sent and Redis executes late does nothing`() async throws {
        try await onLoop { loop in
            let place = try await Place(loop)
            let entry = event("1")
            _ = try await place.bridge.claim(entry)
            let early = await place.bridge.session
            place.proxy.set(.swallow, on: .replies)
            await #expect(throws: InboxError.self) { try await place.bridge.settle(entry) }
            place.proxy.set(.none, on: .replies)
            try await eventually("the end", on: loop) { (try? await place.bridge.settle(entry)) != nil }
            try await eventually("a sign of life", on: loop) { await place.bridge.beat() }
            // The claim of an event whose platform was told to come again, and the putting back of one that has ended since.
            let common = ["\(place.redis.prefix):inbox:", await place.bridge.bridge, "\(early)"]
            let claim = common + ["100", "p", entry.id.description, "a", "test:c1", "x", "1", "test:late", "0"]
            let restore = common + ["100", "2000", entry.id.description, "a", "0", "test:c1", "x", "", "", "0"]
            let before = try await place.redis.keys()
            for (script, arguments) in [(RedisInbox.claim, claim), (RedisInbox.restore, restore)] {
                let keys = ["\(place.redis.prefix):log"]
                let reply = try await place.redis.client.run(script, keys: keys, arguments: arguments.map(bytes))
                #expect(reply == .integer(-2), "\(script.name)")
            }
            #expect(try await place.redis.keys() == before)
            #expect(try await place.held().isEmpty)
            await place.bridge.retire()
        }
    }

    @Test func `an end whose reply was lost is made again without harm`() async throws {
        try await onLoop { loop in
            let place = try await Place(loop)
            let (entry, other) = (event("1"), event("2"))
            _ = try await place.bridge.claim([entry, other], keeping: .payload)
            place.proxy.set(.swallow, on: .replies)
            await #expect(throws: InboxError.self) { try await place.bridge.settle(entry, jobs: ["job"]) }
            place.proxy.set(.none, on: .replies)
            // What was to end is put back by no sign of life in between.
            try await eventually("a sign of life", on: loop) { await place.bridge.beat() }
            #expect(try await place.held() == [other.id.description])
            try await place.bridge.settle(entry, jobs: ["job"])
            #expect(Set(try await place.redis.list("log")) == ["job"])
            #expect(try await place.bridge.begin([other.reference], progress: nil))
            try await place.bridge.settle(other)
            #expect(try await !place.redis.keys().contains { $0 == "inbox:lanes" || $0.hasPrefix("inbox:held") })
            #expect(place.received.payloads == [])
            await place.bridge.retire()
        }
    }

    @Test(arguments: [InboxKeeping.payload, .names])
    func `while Redis is down claims throw, and all comes back by itself`(_ keeping: InboxKeeping) async throws {
        try await onLoop { loop in
            let place = try await Place(loop, lease: .milliseconds(600))
            let entry = event("before")
            _ = try await place.bridge.claim(entry, keeping: keeping)
            let old = await place.bridge.bridge
            place.server.stop(SIGKILL)
            // Longer than the lease: nobody else is there to take its place.
            try await eventually("the end of the lease", on: loop) {
                await place.bridge.freshUntil.map { $0 < .now } ?? true
            }
            for _ in 0..<3 {
                let error = await #expect(throws: InboxError.self) {
                    try await place.bridge.claim(event("during"), keeping: keeping)
                }
                #expect(error?.code == .unavailable)
            }
            await #expect(throws: InboxError.self) { try await place.bridge.begin([entry.reference], progress: nil) }
            await #expect(throws: InboxError.self) { try await place.bridge.settle(entry) }
            #expect(place.metrics.text().contains("chatbridge_inbox_away_total"))
            try place.server.start()
            try await eventually("a claim", on: loop) {
                (try? await place.bridge.claim(event("during"), keeping: keeping)) == .taken
            }
            #expect(await place.bridge.bridge == old)
            #expect(try await place.bridge.begin([entry.reference], progress: nil))
            try await place.bridge.settle(entry, names: keeping == .names ? entry.names : [])
            #expect(try await place.bridge.claim(event("before"), keeping: keeping) == .duplicate)
            await place.bridge.retire()
        }
    }

    @Test func `a start without Redis waits for nothing, and the inbox works when Redis comes`() async throws {
        try await onLoop { loop in
            let server = try TestRedis()
            server.stop()
            let redis = try RedisFixture(loop, url: server.url)
            let bridge = try redis.makeBridge(lease: .seconds(1))
            await bridge.start(Received().receiver)
            await #expect(throws: InboxError.self) { try await bridge.claim(event("1")) }
            try server.start()
            try await eventually("a claim", on: loop) { (try? await bridge.claim(event("1"))) == .taken }
            await bridge.retire()
        }
    }

    @Test func `a Redis that has lost everything gets it back from memory`() async throws {
        try await onLoop { loop in
            let place = try await Place(loop, lease: .seconds(600))
            var entries = (0..<1_200).map { event("\($0)", lane: "test:c\($0 % 40)") }
            for start in stride(from: 0, to: 1_200, by: 400) {
                _ = try await place.bridge.claim(Array(entries[start..<start + 400]), keeping: .payload)
            }
            #expect(try await place.bridge.begin([entries[0].reference], progress: bytes("half")))
            _ = try await place.redis.client.send(["FLUSHALL"])
            // The beginning of one puts that one back, and the next sign of life all others.
            #expect(try await place.bridge.begin([entries[1].reference], progress: nil))
            try await eventually("all others", on: loop) { try await place.held().count == 1_200 }
            #expect(try await place.bridge.claim(event("17")) == .duplicate)
            try await place.bridge.settle(entries.removeLast())
            // In order, with what was begun: as a successor sees it.
            await place.bridge.die()
            _ = try await place.redis.client.send(
                ["DEL", "\(place.redis.prefix):inbox:lease:\(await place.bridge.bridge)"])
            let received = Received()
            let heir = try place.redis.makeBridge()
            await heir.start(received.receiver)
            #expect(received.deliveries.count == 1_199)
            for lane in 0..<40 {
                let numbers = received.deliveries.filter { $0.reference.lane == "test:c\(lane)" }.map {
                    text($0.payload)
                }
                #expect(numbers == stride(from: lane, to: 1_199, by: 40).map { "\($0)" })
            }
            let begun = received.deliveries.filter { $0.progress != nil }
            #expect(begun.map { text($0.payload) }.sorted() == ["0", "1"])
            #expect(begun.first { text($0.payload) == "0" }?.progress == bytes("half"))
            await heir.retire()
        }
    }

    @Test func `conversations that two bridges share survive the loss of all data`() async throws {
        try await onLoop { loop in
            let place = try await Place(loop, lease: .seconds(10))
            let other = Received()
            let b = try place.redis.makeBridge(lease: .seconds(10))
            await b.start(other.receiver)
            let question = event("question")
            #expect(try await place.bridge.claim(question) == .taken)
            #expect(try await b.claim(event("own", lane: "test:own")) == .taken)
            _ = try await place.redis.client.send(["FLUSHALL"])
            try await eventually("both", on: loop) {
                let bridges = try await place.redis.client.send(["HLEN", "\(place.redis.prefix):inbox:bridges"])
                return try await place.held() == [question.id.description] && bridges.integer == 2
            }
            try await eventually("the lanes", on: loop) {
                try await place.redis.client.send(["HLEN", "\(place.redis.prefix):inbox:lanes"]).integer == 2
            }
            #expect(try await b.claim(event("more")) == .forwarded)
            try await eventually("the mail", on: loop) { place.received.payloads == ["more"] }
            await b.retire()
            await place.bridge.retire()
        }
    }

    @Test func `a full Redis refuses new events and lets what is held come to its end`() async throws {
        try await onLoop { loop in
            let place = try await Place(loop, lease: .milliseconds(1_500))
            let entries = (0..<3).map { event("\($0)") }
            _ = try await place.bridge.claim(entries, keeping: .payload)
            _ = try await place.redis.client.send(["CONFIG", "SET", "maxmemory", "1"])
            for keeping in [InboxKeeping.payload, .names] {
                let error = await #expect(throws: InboxError.self) {
                    try await place.bridge.claim(event("new \(keeping)", jobs: ["job"]), keeping: keeping)
                }
                #expect(error?.code == .full)
            }
            #expect(try await place.redis.list("log") == [])
            #expect(try await place.bridge.claim(event("0")) == .duplicate)
            #expect(try await place.bridge.begin([entries[0].reference], progress: bytes("answer")))
            // The jobs do not fit: nothing has changed, and without them it ends.
            let error = await #expect(throws: InboxError.self) {
                try await place.bridge.settle(entries[0], jobs: ["job"])
            }
            #expect(error?.code == .full)
            #expect(try await place.held().count == 3)
            try await place.bridge.settle(entries[0])
            #expect(try await place.held().count == 2)
            // Signs of life, newcomers and take-overs go on.
            let received = Received()
            let heir = try place.redis.makeBridge(lease: .milliseconds(1_500))
            await heir.start(received.receiver)
            #expect(heir.isShared)
            await place.bridge.die()
            try await eventually("the take-over", on: loop) { received.payloads == ["1", "2"] }
            #expect(try await heir.begin(received.deliveries.map(\.reference), progress: nil))
            for delivery in received.deliveries { try await heir.settle(delivery) }
            _ = try await place.redis.client.send(["CONFIG", "SET", "maxmemory", "0"])
            try await eventually("a claim", on: loop) { (try? await heir.claim(event("new payload"))) == .taken }
            await heir.retire()
        }
    }

    @Test(arguments: ["READONLY", "slow"])
    func `a Redis that refuses or is late is one that is away`(_ fault: String) async throws {
        try await onLoop { loop in
            let place = try await Place(loop, timeout: .milliseconds(700))
            _ = try await place.bridge.claim(event("1"))
            if fault == "slow" {
                _ = try await place.redis.client.send(["CLIENT", "PAUSE", "60000", "WRITE"])
            } else {
                _ = try await place.redis.client.send(["REPLICAOF", "127.0.0.1", "1"])
            }
            let error = await #expect(throws: InboxError.self) { try await place.bridge.claim(event("2")) }
            #expect(error?.code == .unavailable)
            if fault == "slow" {
                _ = try await place.redis.client.send(["CLIENT", "UNPAUSE"])
            } else {
                _ = try await place.redis.client.send(["REPLICAOF", "NO", "ONE"])
            }
            try await eventually("a claim", on: loop) { (try? await place.bridge.claim(event("3"))) == .taken }
            // The late one was executed or not; if it was, it is handed over.
            let retried = try await place.bridge.claim(event("2"))
            if retried == .duplicate {
                try await eventually("the late one", on: loop) { place.received.payloads == ["2"] }
            } else {
                #expect(retried == .taken && place.received.payloads == [])
            }
            await place.bridge.retire()
        }
    }

    @Test func `a take-over that is broken off is completed, in order`() async throws {
        try await onLoop { loop in
            let place = try await Place(loop, lease: .seconds(600))
            for start in stride(from: 0, to: 4_000, by: 500) {
                _ = try await place.bridge.claim(
                    (start..<start + 500).map { event("\($0)", lane: "test:c\($0 % 11)") }, keeping: .payload)
            }
            await place.bridge.die()
            _ = try await place.redis.client.send(
                ["DEL", "\(place.redis.prefix):inbox:lease:\(await place.bridge.bridge)"])
            let received = Received()
            let heir = try place.redis.makeBridge(
                lease: .seconds(2), timeout: .milliseconds(400), via: "redis://127.0.0.1:\(place.proxy.port)")
            // Within the second or third of its replies.
            place.proxy.set(.cut(after: 120_000), on: .replies)
            await heir.start(received.receiver)
            try await eventually("the rest", on: loop) { received.deliveries.count >= 4_000 }
            #expect(received.payloads == (0..<4_000).map { "\($0)" })
            try await eventually("a claim", on: loop) { (try? await heir.claim(event("new"))) == .taken }
            #expect(received.deliveries.count == 4_000)
            await heir.retire()
        }
    }

    @Test func `a cancelled claim is found`() async throws {
        try await onLoop { loop in
            let place = try await Place(loop, lease: .seconds(600), timeout: .seconds(20))
            place.proxy.set(.delay(.milliseconds(100)), on: .replies)
            let claiming = loop.spawn { _ = try? await place.bridge.claim(event("1")) }
            try await eventually("the claim in Redis", on: loop) { try await place.held().count == 1 }
            claiming.cancel()
            await claiming.value
            place.proxy.set(.none, on: .replies)
            try await eventually("the event", on: loop) { place.received.payloads == ["1"] }
            await place.bridge.retire()
        }
    }
}
