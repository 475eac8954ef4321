import BridgeCore
import EventLoop
import Redis
import Synchronization
import TestSupport
import Testing

@testable import Inbox

/// What bridges that share a Redis do with each other's conversations, in life and death.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisInboxFleetTests {
    /// What was taken by whom, in order.
    final class Notes: Sendable {
        typealias Note = (bridge: Int, from: Int, lane: String, number: Int)
        private let list = Mutex<[Note]>([])
        var all: [Note] { list.withLock { $0 } }
        func add(_ note: Note) { list.withLock { $0.append(note) } }
    }

    /// Two bridges that know of each other, and what each received.
    struct Pair {
        let redis: RedisFixture
        let bridges: [RedisInbox]
        let received: [Received]

        init(_ loop: EventLoop, leases: [Duration] = [.seconds(30), .seconds(30)]) async throws {
            redis = try RedisFixture.shared(loop)
            received = leases.map { _ in Received() }
            var made: [RedisInbox] = []
            for (lease, received) in zip(leases, received) {
                let bridge = try redis.makeBridge(lease: lease)
                made.append(bridge)
                // The first hears of the second by its own sign of life, in a fifth of its lease.
                let starting = loop.spawn { await bridge.start(received.receiver) }
                for other in made.dropLast() {
                    try await eventually("the newcomer", on: loop) {
                        _ = await other.beat()
                        return other.isShared
                    }
                }
                await starting.value
            }
            bridges = made
            #expect(bridges.allSatisfy { $0.isShared })
        }

        func end() async throws {
            for bridge in bridges { await bridge.retire() }
            try await redis.clear()
        }
    }

    @Test func `an event is taken by one of two bridges, whichever name and level it comes by`() async throws {
        try await onLoop { loop in
            let pair = try await Pair(loop)
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            #expect(try await a.claim(event("1", names: ["t:1", "t:1b"])) == .taken)
            #expect(try await b.claim(event("1", names: ["t:1b"])) == .duplicate)
            #expect(try await b.claim(event("2", lane: nil), keeping: .names) == .taken)
            #expect(try await a.claim(event("2", lane: nil), keeping: .names) == .duplicate)
            #expect(try await a.claim(event("2", lane: nil)) == .duplicate)
            try await pair.end()
        }
    }

    @Test func `events of a conversation go to the bridge that answers it, in the order of their claims`() async throws
    {
        try await onLoop { loop in
            let pair = try await Pair(loop)
            let seen = Mutex<[String: [Int]]>([:])
            let owners = Mutex<[String: Set<Int>]>([:])
            func note(_ lane: String, _ number: Int, _ bridge: Int) {
                seen.withLock { $0[lane, default: []].append(number) }
                _ = owners.withLock { $0[lane, default: []].insert(bridge) }
            }
            var random = SystemRandomNumberGenerator()
            var taken = [0, 0]
            var forwarded = 0
            // What is in work at each bridge; its oldest is settled now and then, so that conversations change hands.
            var inWork: [[InboxEntry.Reference]] = [[], []]
            var fetched = [0, 0]
            func fetch() {
                for bridge in 0..<2 {
                    let deliveries = pair.received[bridge].deliveries
                    for delivery in deliveries[fetched[bridge]...] {
                        note(delivery.reference.lane ?? "", Int(text(delivery.payload)) ?? -1, bridge)
                        inWork[bridge].append(delivery.reference)
                    }
                    fetched[bridge] = deliveries.count
                }
            }
            for number in 0..<1_000 {
                let bridge = Int.random(in: 0..<2, using: &random)
                let lane = "test:c\(number % 7)"
                let entry = event("\(number)", lane: lane)
                let verdict = try await pair.bridges[bridge].claim(entry)
                fetch()
                switch verdict {
                case .taken:
                    taken[bridge] += 1
                    note(lane, number, bridge)
                    inWork[bridge].append(entry.reference)
                case .forwarded: forwarded += 1
                default: Issue.record("event \(number): \(String(describing: verdict))")
                }
                if Bool.random(using: &random) {
                    let done = Int.random(in: 0..<2, using: &random)
                    guard !inWork[done].isEmpty else { continue }
                    let first = inWork[done].removeFirst()
                    try await pair.bridges[done].settle(InboxSettlement(entries: [first]))
                    fetch()
                }
            }
            try await eventually("every event", on: loop) {
                fetch()
                return seen.withLock { $0.values.reduce(0) { $0 + $1.count } } == 1_000
            }
            for lane in 0..<7 {
                let numbers = seen.withLock { $0["test:c\(lane)"] }
                #expect(numbers == Array(stride(from: lane, to: 1_000, by: 7)))
            }
            #expect(taken[0] > 0 && taken[1] > 0 && forwarded > 0)
            for bridge in 0..<2 {
                try await pair.bridges[bridge].settle(InboxSettlement(entries: inWork[bridge]))
            }
            // Nothing is counted that is not there.
            #expect(try await !pair.redis.keys().contains { $0 == "inbox:lanes" || $0.hasPrefix("inbox:held") })
            try await pair.end()
        }
    }

    @Test func `claims that are sent without waiting keep each bridge's order, and each event has one owner`()
        async throws
    {
        try await onLoop { loop in
            let pair = try await Pair(loop)
            let notes = Notes()
            let tasks = (0..<1_000).map { number in
                let (bridge, lane) = (pair.bridges[number % 2], "test:c\(number % 3)")
                return loop.spawn {
                    let verdict = try? await bridge.claim(event("\(number)", lane: lane))
                    if verdict == .taken { notes.add((number % 2, number % 2, lane, number)) }
                }
            }
            for task in tasks { await task.value }
            func all() -> [Notes.Note] {
                var all = notes.all
                for bridge in 0..<2 {
                    for delivery in pair.received[bridge].deliveries {
                        let number = Int(text(delivery.payload)) ?? -1
                        all.append((bridge, number % 2, delivery.reference.lane ?? "", number))
                    }
                }
                return all
            }
            try await eventually("every event", on: loop) { all().count >= 1_000 }
            let found = all()
            #expect(found.map(\.number).sorted() == Array(0..<1_000))
            for lane in ["test:c0", "test:c1", "test:c2"] {
                let owners = Set(found.filter { $0.lane == lane }.map(\.bridge))
                #expect(owners.count == 1)
                for from in 0..<2 {
                    let numbers = found.filter { $0.lane == lane && $0.from == from }.map(\.number)
                    #expect(numbers == numbers.sorted())
                }
            }
            try await pair.end()
        }
    }

    @Test func `what comes with a claim's reply is handed on before its verdict`() async throws {
        try await onLoop { loop in
            let pair = try await Pair(loop)
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            #expect(try await a.claim(event("0")) == .taken)
            // Nobody listens to the bell: the mail waits for a reply.
            await a.freeze()
            for number in 1...3 { #expect(try await b.claim(event("\(number)")) == .forwarded) }
            #expect(try await a.claim(event("4")) == .taken)
            #expect(pair.received[0].payloads.suffix(3) == ["1", "2", "3"])
            try await pair.end()
        }
    }

    @Test func `an edit is told to the bridge that answers the conversation`() async throws {
        try await onLoop { loop in
            let pair = try await Pair(loop)
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            let question = event("question")
            #expect(try await a.claim(question) == .taken)
            #expect(try await b.claim(event("edit", purpose: .signal, jobs: ["job"])) == .forwarded)
            try await eventually("the edit", on: loop) { pair.received[0].payloads == ["edit"] }
            #expect(pair.received[0].deliveries[0].purpose == .signal)
            #expect(try await pair.redis.list("log") == ["job"])
            #expect(try await b.claim(event("note", purpose: .record)) == .taken)
            try await a.settle(question)
            #expect(try await b.claim(event("late edit", purpose: .signal)) == .taken)
            try await pair.end()
        }
    }

    @Test func `what a dead bridge held comes to another, in order, with its attempts, once its lease has run out`()
        async throws
    {
        try await onLoop { loop in
            let pair = try await Pair(loop, leases: [.milliseconds(1_500), .milliseconds(1_500)])
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            for number in 0..<30 {
                #expect(
                    try await a.claim(event("\(number)", lane: number % 4 == 0 ? nil : "test:c\(number % 3)")) != nil)
            }
            // In the dead one's mail when it dies.
            await a.freeze()
            await a.die()
            for number in 30..<36 {
                #expect(try await b.claim(event("\(number)", lane: "test:c\(number % 3)")) == .forwarded)
            }
            #expect(try await b.claim(event("edit", lane: "test:c1", purpose: .signal)) == .forwarded)
            try await eventually("the take-over", on: loop) { pair.received[1].deliveries.count == 37 }
            let deliveries = pair.received[1].deliveries
            #expect(deliveries.map { text($0.payload) } == (0..<36).map { "\($0)" } + ["edit"])
            #expect(deliveries.prefix(36).allSatisfy { $0.attempts == 1 && $0.purpose == .answer })
            #expect(try await b.begin(deliveries.prefix(36).map(\.reference), progress: nil))
            for delivery in deliveries.prefix(36) { try await b.settle(delivery) }
            #expect(try await !pair.redis.keys().contains { $0 == "inbox:lanes" || $0.hasPrefix("inbox:held") })
            // Alone again: names suffice from the next sign of life on.
            _ = await b.beat()
            #expect(!b.isShared)
            try await pair.end()
        }
    }

    @Test func `a claim for a dead bridge's conversation brings first what that one left`() async throws {
        try await onLoop { loop in
            let pair = try await Pair(loop)
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            for number in 0..<3 { _ = try await a.claim(event("\(number)")) }
            _ = try await a.claim(event("named", lane: nil), keeping: .names)
            await a.die()
            _ = try await pair.redis.client.send(["DEL", "\(pair.redis.prefix):inbox:lease:\(await a.bridge)"])
            async let first = b.claim(event("3"))
            async let second = b.claim([event("4"), event("5", lane: "test:other"), event("0")], keeping: .payload)
            #expect(try await first == .taken)
            #expect(pair.received[1].payloads == ["0", "1", "2"])
            #expect(try await second == [.taken, .taken, .duplicate])
            // Its platform delivers again what died with it.
            #expect(try await b.claim(event("named", lane: nil), keeping: .names) == .taken)
            try await pair.end()
        }
    }

    @Test func `of two bridges that take over at the same time each entry goes to one, and a conversation to one`()
        async throws
    {
        try await onLoop { loop in
            let pair = try await Pair(loop)
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            let c = try pair.redis.makeBridge()
            let third = Received()
            let starting = loop.spawn { await c.start(third.receiver) }
            try await eventually("room", on: loop) {
                _ = await (a.beat(), b.beat())
                return await c.hasRoom
            }
            await starting.value
            for start in stride(from: 0, to: 3_000, by: 100) {
                _ = try await a.claim(
                    (start..<start + 100).map { event("\($0)", lane: "test:c\($0 % 50)") }, keeping: .payload)
            }
            await a.die()
            _ = try await pair.redis.client.send(["DEL", "\(pair.redis.prefix):inbox:lease:\(await a.bridge)"])
            let beats = [loop.spawn { _ = await b.beat() }, loop.spawn { _ = await c.beat() }]
            for beat in beats { await beat.value }
            try await eventually("every event", on: loop) {
                pair.received[1].deliveries.count + third.deliveries.count >= 3_000
            }
            let found = pair.received[1].deliveries + third.deliveries
            #expect(Set(found.map(\.reference.id)).count == 3_000 && found.count == 3_000)
            var owners: [String: Set<Int>] = [:]
            for (owner, received) in [pair.received[1], third].enumerated() {
                var last: [String: Int] = [:]
                for delivery in received.deliveries {
                    let (lane, number) = (delivery.reference.lane ?? "", Int(text(delivery.payload)) ?? -1)
                    owners[lane, default: []].insert(owner)
                    #expect(last[lane] ?? -1 < number)
                    last[lane] = number
                }
            }
            #expect(owners.values.allSatisfy { $0.count == 1 })
            try await b.settle(InboxSettlement(entries: pair.received[1].deliveries.map(\.reference)))
            try await c.settle(InboxSettlement(entries: third.deliveries.map(\.reference)))
            #expect(try await !pair.redis.keys().contains { $0 == "inbox:lanes" || $0.hasPrefix("inbox:held") })
            await c.retire()
            try await pair.end()
        }
    }

    @Test func `ten thousand events are taken over in order`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let a = try redis.makeBridge()
            await a.start(Received().receiver)
            for start in stride(from: 0, to: 10_000, by: 1_000) {
                _ = try await a.claim(
                    (start..<start + 1_000).map { event("\($0)", lane: "test:c\($0 % 900)") }, keeping: .payload)
            }
            await a.die()
            _ = try await redis.client.send(["DEL", "\(redis.prefix):inbox:lease:\(await a.bridge)"])
            let received = Received()
            let b = try redis.makeBridge()
            await b.start(received.receiver)
            #expect(received.payloads == (0..<10_000).map { "\($0)" })
            try await b.settle(InboxSettlement(entries: received.deliveries.map(\.reference)))
            await b.retire()
            #expect(try await !redis.keys().contains { $0 == "inbox:lanes" || $0.hasPrefix("inbox:held") })
            try await redis.clear()
        }
    }

    @Test func `a bridge that was stopped and taken for dead can begin nothing, and goes on under a new name`()
        async throws
    {
        try await onLoop { loop in
            let pair = try await Pair(loop, leases: [.milliseconds(1_500), .milliseconds(1_500)])
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            let (first, second) = (event("first"), event("second", lane: "test:c2"))
            let named = event("named", lane: nil)
            _ = try await a.claim([first, second], keeping: .payload)
            _ = try await a.claim(named, keeping: .names)
            let old = await a.bridge
            await a.freeze()
            try await eventually("the take-over", on: loop) { pair.received[1].payloads == ["first", "second"] }
            #expect(try await !a.begin([first.reference], progress: nil))
            #expect(await a.bridge != old)
            // All that it held is void, whatever it was claimed by.
            #expect(try await !a.begin([second.reference], progress: nil))
            #expect(try await !a.begin([named.reference], progress: nil))
            // An answer that had gone out by then is in the log all the same, and the entry stays its heir's.
            try await a.settle(first, jobs: ["the zombie's answer"])
            #expect(try await pair.redis.list("log") == ["the zombie's answer"])
            #expect(try await b.begin([first.reference, second.reference], progress: nil))
            await a.thaw()
            try await eventually("a claim under the new name", on: loop) {
                (try? await a.claim(event("new", lane: "test:c3"))) == .taken
            }
            try await pair.end()
        }
    }

    @Test func `a claim of a bridge that is gone is made again under its new name`() async throws {
        try await onLoop { loop in
            let pair = try await Pair(loop)
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            let named = event("named", lane: nil)
            #expect(try await a.claim(named, keeping: .names) == .taken)
            // Fresh by its own clock: no command is needed, and none would be answered with a no.
            #expect(try await a.begin([named.reference], progress: nil))
            let old = await a.bridge
            _ = try await pair.redis.client.send(["DEL", "\(pair.redis.prefix):inbox:lease:\(old)"])
            // A sign of life of either that was under way comes in between.
            try await eventually("the death", on: loop) {
                _ = try await pair.redis.client.send(["DEL", "\(pair.redis.prefix):inbox:lease:\(old)"])
                _ = await b.beat()
                return try await pair.redis.keys().contains("inbox:gone:\(old)")
            }
            // The other has to make room for the newcomer that it is now.
            try await eventually("the claim", on: loop) { (try? await a.claim(event("1"))) == .taken }
            #expect(await a.bridge != old)
            #expect(try await !a.begin([named.reference], progress: nil))
            try await pair.end()
        }
    }

    @Test func `a newcomer waits until conversations in work are entered, and forwards what comes for them`()
        async throws
    {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let (ofA, ofB) = (Received(), Received())
            let a = try redis.makeBridge()
            await a.start(ofA.receiver)
            #expect(!a.isShared)
            let (known, other) = (event("known", lane: "test:c1"), event("other", lane: "test:c2"))
            _ = try await a.claim([known, other], keeping: .names)
            // The engine has a second question of c1, and one of c3, that it has not claimed yet.
            ofA.setLanes(["test:c1": 2, "test:c2": 1, "test:c3": 1])
            let b = try redis.makeBridge()
            let starting = loop.spawn { await b.start(ofB.receiver) }
            try await eventually("the newcomer", on: loop) { await b.joined != nil }
            #expect(await !b.hasRoom)
            _ = await a.beat()
            #expect(a.isShared)
            await starting.value
            #expect(b.isShared)
            for lane in 1...3 { #expect(try await b.claim(event("for c\(lane)", lane: "test:c\(lane)")) == .forwarded) }
            try await eventually("the forwarded", on: loop) { ofA.payloads == ["for c1", "for c2", "for c3"] }
            // Claimed by its names after all: it is the one that was announced.
            let late = event("late", lane: "test:c1")
            #expect(try await a.claim(late, keeping: .names) == .taken)
            for entry in [known, other, late] { try await a.settle(entry, names: entry.names) }
            for delivery in ofA.deliveries.dropLast() { try await a.settle(delivery) }
            for lane in 1...2 { #expect(try await b.claim(event("again c\(lane)", lane: "test:c\(lane)")) == .taken) }
            // Announced, and settled without a claim.
            let unclaimed = event("unclaimed", lane: "test:c3")
            try await a.settle(unclaimed)
            #expect(try await b.claim(event("still c3", lane: "test:c3")) == .forwarded)
            try await eventually("the forwarded", on: loop) { ofA.payloads.last == "still c3" }
            for delivery in ofA.deliveries.suffix(2) { try await a.settle(delivery) }
            #expect(try await b.claim(event("again c3", lane: "test:c3")) == .taken)
            await a.retire()
            await b.retire()
            try await redis.clear()
        }
    }

    @Test func `conversations that were announced and come to nothing are given free`() async throws {
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let received = Received()
            let a = try redis.makeBridge()
            await a.start(received.receiver)
            received.setLanes(["test:c1": 2])
            let b = try redis.makeBridge()
            let starting = loop.spawn { await b.start(Received().receiver) }
            try await eventually("the newcomer", on: loop) {
                _ = await a.beat()
                return a.isShared
            }
            await starting.value
            #expect(try await b.claim(event("1")) == .forwarded)
            try await eventually("the mail", on: loop) { received.deliveries.count == 1 }
            try await a.settle(received.deliveries[0])
            received.setLanes([:])
            _ = await a.beat()
            try await eventually("the lane", on: loop) { try await !redis.keys().contains("inbox:lanes") }
            #expect(try await b.claim(event("2")) == .taken)
            await a.retire()
            await b.retire()
            try await redis.clear()
        }
    }

    @Test func `a bridge that ends in order hands over at once`() async throws {
        try await onLoop { loop in
            // No sign of life is due within the test: only the bell can be the reason.
            let pair = try await Pair(loop, leases: [.seconds(600), .seconds(600)])
            let (a, b) = (pair.bridges[0], pair.bridges[1])
            let entries = (0..<5).map { event("\($0)") }
            _ = try await a.claim(entries, keeping: .payload)
            #expect(try await a.begin([entries[0].reference], progress: bytes("half")))
            await a.retire()
            try await eventually("the take-over", on: loop) { pair.received[1].deliveries.count == 5 }
            #expect(pair.received[1].payloads == ["0", "1", "2", "3", "4"])
            #expect(pair.received[1].deliveries.map(\.attempts) == [0, 0, 0, 0, 0])
            #expect(pair.received[1].deliveries[0].progress == bytes("half"))
            #expect(try await b.begin(entries.map(\.reference), progress: nil))
            try await pair.end()
        }
    }

    @Test func `bridges on loops of their own share as well`() async throws {
        try await onLoop { first in
            try await onLoop { second in
                let redis = try RedisFixture.shared(second)
                let far = try RedisFixture(first, url: redis.url, prefix: redis.prefix)
                let (near, other) = (Received(), Received())
                let a = try redis.makeBridge(lease: .seconds(5))
                await a.start(near.receiver)
                let b = try far.makeBridge(lease: .seconds(5))
                let starting = first.spawn { await b.start(other.receiver) }
                await starting.value
                try await eventually("the other", on: second) { a.isShared }
                #expect(try await a.claim(event("1")) == .taken)
                #expect(try await b.claim(event("2")) == .forwarded)
                try await eventually("the mail", on: second) { near.payloads == ["2"] }
                await b.retire()
                await a.retire()
                try await redis.clear()
            }
        }
    }
}
