import BridgeCore
import EventLoop
import Redis
import TestSupport
import Testing

@testable import Inbox

/// A fleet whose bridges come, go, stop and die by chance, and what its users see.
///
/// Skipped without CHATBRIDGE_TEST_REDIS_URL.
@Suite(.enabled(if: TestEnvironment.redisURL != nil)) struct RedisInboxChanceTests {
    /// One bridge with as much of an engine as the promises need: a line for each conversation, begun and settled in order.
    final class Engine: @unchecked Sendable {
        // Unchecked: touched on the loop alone.
        let bridge: RedisInbox
        let received = Received()
        var fetched = 0
        var work: [(reference: InboxEntry.Reference, name: String, isDoubtful: Bool)] = []
        var begun: Set<UUID> = []
        var isFrozen = false

        init(_ bridge: RedisInbox) { self.bridge = bridge }

        /// Takes what was delivered since.
        func fetch() {
            if let lost = received.takeLoss() {
                work = []
                fetched = lost
            }
            let deliveries = received.deliveries
            for delivery in deliveries[fetched...] {
                work.append((delivery.reference, text(delivery.payload), delivery.progress != nil))
            }
            fetched = deliveries.count
        }
    }

    struct Chance: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    /// A story: events arrive at bridges, answers go out, and now and then something happens to a bridge.
    final class Story: @unchecked Sendable {
        // Unchecked: touched on the loop alone.
        let redis: RedisFixture
        let loop: EventLoop
        var chance: Chance
        var fleet: [Engine] = []
        var ended: [Engine] = []
        /// In the order in which the store took them, for each conversation.
        var taken: [String: [String]] = [:]
        var answered: [String: [String]] = [:]
        var retries: [(name: String, lane: String)] = []
        let proxy: FaultProxy
        /// Claims that were not answered: where they stand in the order, nobody can say.
        var doubtful: Set<String> = []
        /// Answers that were not begun for all their bridge knew, since the reply was lost.
        var halfBegun: Set<String> = []
        /// Of these, what another bridge had to take for shown.
        var inDoubt: Set<String> = []

        init(_ loop: EventLoop, seed: UInt64) throws {
            self.loop = loop
            redis = try RedisFixture.shared(loop)
            guard case .tcp(_, let port) = redis.client.configuration.endpoint else {
                throw ChildProcess.Failure("a Redis that is reached by TCP")
            }
            proxy = try FaultProxy(to: port)
            chance = Chance(state: seed)
        }

        func add() async throws {
            let engine = Engine(
                try redis.makeBridge(lease: .seconds(60), name: "b", via: "redis://127.0.0.1:\(proxy.port)"))
            let starting = loop.spawn { await engine.bridge.start(engine.received.receiver) }
            try await eventually("room for a newcomer", on: loop) {
                // Its end, or the last of its signs of life, may have been lost on the way.
                for gone in ended { try await expire(gone) }
                // One that is stopped may have joined again, since an answer that it had begun asked for a sign of life.
                for stopped in fleet where stopped.isFrozen { try await expire(stopped) }
                for other in fleet where !other.isFrozen { _ = await other.bridge.beat() }
                return await engine.bridge.hasRoom
            }
            await starting.value
            fleet.append(engine)
        }

        func arrive(_ name: String, lane: String) async throws {
            let entry = event(name, lane: lane)
            // One that is stopped answers nobody; what it had begun it may go on with.
            guard let engine = fleet.filter({ !$0.isFrozen }).randomElement(using: &chance),
                let verdict = try? await engine.bridge.claim(entry)
            else {
                // Not acknowledged: the platform delivers it again.
                doubtful.insert(name)
                return retries.append((name, lane))
            }
            // What was handed on by then is older.
            engine.fetch()
            if verdict == .taken { engine.work.append((entry.reference, name, false)) }
            if verdict != .duplicate || doubtful.contains(name) { taken[lane, default: []].append(name) }
        }

        /// One step of one conversation at a bridge.
        func work(at engine: Engine) async throws {
            engine.fetch()
            guard let index = engine.work.indices.randomElement(using: &chance) else { return }
            let lane = engine.work[index].reference.lane
            guard let first = engine.work.firstIndex(where: { $0.reference.lane == lane }) else { return }
            let item = engine.work[first]
            if item.isDoubtful || engine.begun.contains(item.reference.id) {
                guard (try? await engine.bridge.settle(InboxSettlement(entries: [item.reference]))) != nil else {
                    return
                }
                engine.work.removeAll { $0.reference.id == item.reference.id }
                if halfBegun.contains(item.name), answered[lane ?? ""]?.contains(item.name) != true {
                    inDoubt.insert(item.name)
                }
                return
            }
            // Asked again later.
            guard let isOurs = try? await engine.bridge.begin([item.reference], progress: nil) else {
                halfBegun.insert(item.name)
                return
            }
            guard isOurs else {
                engine.work.removeAll { $0.reference.id == item.reference.id }
                return
            }
            engine.begun.insert(item.reference.id)
            answered[lane ?? "", default: []].append(item.name)
        }

        func expire(_ engine: Engine) async throws {
            _ = try await redis.client.send(["DEL", "\(redis.prefix):inbox:lease:\(await engine.bridge.bridge)"])
        }

        func happen() async throws {
            let index = Int.random(in: 0..<fleet.count, using: &chance)
            let engine = fleet[index]
            switch Int.random(in: 0..<6, using: &chance) {
            case 0:
                // Killed, and replaced.
                await engine.bridge.die()
                ended.append(fleet.remove(at: index))
                try await expire(engine)
                try await add()
            case 1:
                // Ends in order, and is replaced.
                ended.append(fleet.remove(at: index))
                await engine.bridge.retire()
                try await add()
            case 2:
                // Stopped for longer than its lease.
                await engine.bridge.freeze()
                engine.isFrozen = true
                try await expire(engine)
            case 3:
                for engine in fleet where engine.isFrozen {
                    engine.isFrozen = false
                    await engine.bridge.thaw()
                }
            case 4:
                // A reply is lost, or half of one.
                proxy.set(.cut(after: Int.random(in: 0..<60, using: &chance)), on: .replies)
            default:
                // A sign of life that comes by chance: a take-over by whoever it is.
                if !engine.isFrozen { _ = await engine.bridge.beat() }
            }
        }
    }

    @Test(arguments: 1...6)
    func `each event is answered once, and in the order of its conversation`(_ seed: Int) async throws {
        try await onLoop { loop in
            let story = try Story(loop, seed: UInt64(seed))
            for _ in 0..<3 { try await story.add() }
            for number in 0..<400 {
                try await story.arrive("\(number)", lane: "test:c\(number % 7)")
                if let retry = story.retries.first {
                    story.retries.removeFirst()
                    try await story.arrive(retry.name, lane: retry.lane)
                }
                for _ in 0..<3 {
                    if let engine = story.fleet.randomElement(using: &story.chance) { try await story.work(at: engine) }
                }
                if Int.random(in: 0..<20, using: &story.chance) == 0 { try await story.happen() }
            }
            for engine in story.fleet where engine.isFrozen { await engine.bridge.thaw() }
            try await eventually("the end", on: loop) {
                for engine in story.fleet { _ = await engine.bridge.beat() }
                while let retry = story.retries.popLast() { try await story.arrive(retry.name, lane: retry.lane) }
                for engine in story.fleet {
                    engine.fetch()
                    for _ in 0..<engine.work.count * 2 { try await story.work(at: engine) }
                }
                let isIdle = story.fleet.allSatisfy { $0.work.isEmpty }
                return isIdle && story.answered.values.reduce(story.inDoubt.count) { $0 + $1.count } >= 400
            }
            for (lane, all) in story.taken {
                let answered = story.answered[lane] ?? []
                let taken = all.filter { !story.inDoubt.contains($0) }
                #expect(answered.sorted() == taken.sorted(), "\(lane)")
                let isCertain: (String) -> Bool = { !story.doubtful.contains($0) }
                #expect(answered.filter(isCertain) == taken.filter(isCertain), "\(lane)")
            }
            #expect(Set(story.taken.values.joined()).count == 400)
            let left = try await story.redis.keys().filter { $0 == "inbox:lanes" || $0.hasPrefix("inbox:held") }
            #expect(left.isEmpty)
            for engine in story.fleet { await engine.bridge.retire() }
            try await story.redis.clear()
        }
    }
}
