import BridgeCore
import Testing

@testable import Bridge

@Suite struct PacerTests {
    private let start = ContinuousClock.now
    private let chat = InboundEvent.Place(conversation: ConversationID("1"))
    private let other = InboundEvent.Place(conversation: ConversationID("2"))
    private let group = InboundEvent.Place(conversation: ConversationID("-3"), isGroup: true)

    @Test func `a burst goes out at once and the rest at the pace of the conversation`() {
        var pacer = Pacer(rates: .init(conversation: .init(burst: 2, interval: .seconds(1))))
        let waits = (0..<4).map { _ in pacer.reserve(chat, at: start) }
        #expect(waits == [.zero, .zero, .seconds(1), .seconds(2)])
        let wait1 = pacer.reserve(other, at: start)
        #expect(wait1 == .zero)
        let wait2 = pacer.reserve(chat, at: start + .seconds(10))
        #expect(wait2 == .zero)
    }

    @Test func `groups have a pace of their own`() {
        let rates = Capabilities.Rates(
            conversation: .init(burst: 1, interval: .seconds(1)), group: .init(burst: 1, interval: .seconds(3)))
        var pacer = Pacer(rates: rates)
        _ = pacer.reserve(group, at: start)
        let wait3 = pacer.reserve(group, at: start)
        #expect(wait3 == .seconds(3))
    }

    @Test func `the overall rate binds all conversations`() {
        var pacer = Pacer(rates: .init(overall: .init(burst: 2, interval: .milliseconds(100))))
        let waits = (0..<4).map { pacer.reserve(.init(conversation: ConversationID("\($0)")), at: start) }
        #expect(waits == [.zero, .zero, .milliseconds(100), .milliseconds(200)])
    }

    @Test func `a block of the platform is obeyed exactly, whatever burst is left`() {
        var pacer = Pacer(rates: .init(conversation: .init(burst: 5, interval: .seconds(1))))
        pacer.block(chat, for: .seconds(14), at: start)
        let wait4 = pacer.reserve(chat, at: start)
        #expect(wait4 == .seconds(14))
        #expect(!pacer.isFree(chat, at: start + .seconds(13)))
        #expect(pacer.isFree(other, at: start))
    }

    @Test func `a block is seen by those who have their place already, and ends`() {
        var pacer = Pacer(rates: .init(conversation: .init(burst: 1, interval: .seconds(1))))
        let waits = (0..<2).map { _ in pacer.reserve(chat, at: start) }
        #expect(waits == [.zero, .seconds(1)] && !pacer.isBlocked(chat, at: start))
        pacer.block(chat, for: .seconds(5), at: start)
        #expect(pacer.isBlocked(chat, at: start + .seconds(1)) && !pacer.isBlocked(other, at: start))
        let again = pacer.reserve(chat, at: start + .seconds(1))
        #expect(again == .seconds(4))
        #expect(!pacer.isBlocked(chat, at: start + .seconds(5)))
    }

    @Test(arguments: [nil, Capabilities.Rate(burst: 3, interval: .seconds(1))])
    func `a block of the account holds every conversation back, those in line too`(overall: Capabilities.Rate?) {
        var pacer = Pacer(rates: .init(conversation: .init(burst: 2, interval: .seconds(1)), overall: overall))
        let early = pacer.reserve(other, at: start)
        pacer.block(chat, .account, for: .seconds(7), at: start)
        #expect(early == .zero && pacer.isBlocked(other, at: start + .seconds(6)) && pacer.isBlocked(group, at: start))
        #expect(!pacer.isFree(other, at: start + .seconds(6)) && !pacer.hasRoomToSpare(group, at: start))
        let wait = pacer.reserve(other, at: start + .seconds(3))
        #expect(wait == .seconds(4))
        #expect(!pacer.isBlocked(other, at: start + .seconds(7)))
        // No burst of all who waited, where the platform counts them together.
        let next = pacer.reserve(group, at: start + .seconds(3))
        #expect(next == (overall == nil ? .seconds(4) : .seconds(5)))
    }

    @Test(arguments: [(1, [true, false, false]), (2, [true, true, false]), (3, [true, true, true])])
    func `room for several is what the burst has left`(burst: Int, isFree: [Bool]) {
        let rate = Capabilities.Rate(burst: burst, interval: .seconds(1))
        for rates in [Capabilities.Rates(conversation: rate), .init(overall: rate)] {
            var pacer = Pacer(rates: rates)
            #expect((1...3).map { pacer.isFree(chat, for: $0, at: start) } == isFree)
            _ = pacer.reserve(chat, at: start)
            #expect((1...2).map { pacer.isFree(chat, for: $0, at: start) } == Array(isFree.dropFirst()))
        }
        #expect(Pacer(rates: .init()).isFree(chat, for: 100, at: start))
    }

    @Test(arguments: [
        (1, Duration.seconds(1), true), (1, .milliseconds(200), true), (1, .milliseconds(1001), false),
        (2, .seconds(60), true),
    ])
    func `without bursts an answer waits for a second at most`(burst: Int, interval: Duration, isFree: Bool) {
        for rates in [
            Capabilities.Rates(conversation: .init(burst: burst, interval: interval)),
            .init(overall: .init(burst: burst, interval: interval)),
        ] {
            var pacer = Pacer(rates: rates)
            #expect(pacer.hasRoomToSpare(chat, at: start) == isFree)
            _ = pacer.reserve(chat, at: start)
            #expect(!pacer.hasRoomToSpare(chat, at: start))
            pacer.block(chat, for: .seconds(100), at: start)
            #expect(!pacer.hasRoomToSpare(chat, at: start + .seconds(99)))
        }
    }

    @Test func `a block holds without any rates`() {
        var pacer = Pacer(rates: .init())
        let wait5 = pacer.reserve(chat, at: start)
        #expect(wait5 == .zero)
        pacer.block(chat, for: .seconds(2), at: start)
        let wait6 = pacer.reserve(chat, at: start)
        #expect(wait6 == .seconds(2))
        let wait7 = pacer.reserve(chat, at: start + .seconds(2))
        #expect(wait7 == .zero)
    }
}

@Suite struct InboxTests {
    private func event(_ id: String, _ aliases: [String] = []) -> InboundEvent {
        InboundEvent(
            id: EventID(id), aliases: aliases.map { EventID($0) }, kind: .text, disposition: .answer,
            place: .init(conversation: ConversationID("1")))
    }

    @Test func `an event is taken once on each platform`() {
        var inbox = RecentEvents()
        let taken = ["a", "a", "b"].map { inbox.claim(event("1"), on: PlatformName($0)) }
        #expect(taken == [true, false, true])
    }

    @Test func `the same message under another event id is taken once`() {
        var inbox = RecentEvents()
        let events = [
            event("Ev1", ["C1:17.1"]), event("Ev2", ["C1:17.1", "client-1"]), event("Ev3", ["client-1"]),
            event("Ev4", ["C1:17.2"]),
        ]
        let taken = events.map { inbox.claim($0, on: PlatformName("slack")) }
        #expect(taken == [true, false, false, true])
    }
}

@Suite struct GenerationalCacheTests {
    @Test func `what is used stays, what is not used goes`() {
        var cache = GenerationalCache<Int, String>(capacity: 10)
        cache[0] = "kept"
        for key in 1...100 {
            cache[key] = "x"
            let kept = cache[0]
            #expect(kept == "kept")
        }
        #expect(cache.count <= 20)
        let values = [1, 100].map { cache[$0] }
        #expect(values == [nil, "x"])
        cache[0] = nil
        let removed = cache[0]
        #expect(removed == nil)
    }

    @Test func `what weighs more leaves room for fewer, and a new value takes the place of the old one`() {
        var cache = GenerationalCache<Int, String>(capacity: 10) { $0.count }
        for key in 1...100 { cache[key] = "four" }
        #expect(cache.count <= 2 * 10 / 4)
        // The same key again and again turns no generation out.
        var other = GenerationalCache<Int, String>(capacity: 10) { $0.count }
        other[1] = "four"
        for _ in 1...50 { other[2] = "four" }
        let values = [1, 2].map { other[$0] }
        #expect(values == ["four", "four"] && other.count == 2)
        // One that alone is over the limit is kept, and nothing else with it but the generation before.
        other[3] = "longer than the limit"
        let long = other[3]
        #expect(long != nil && other.count <= 3)
    }
}
