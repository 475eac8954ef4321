import BridgeCore
import EventLoop
import Testing

@testable import Inbox

/// What every store keeps: to be called with a fixture over that store.
enum InboxStoreSuite {
    typealias Body = @Sendable (InboxFixture) async throws -> Void

    /// Each promise, by the sentence that states it.
    static let all: [(name: String, body: Body)] = [
        ("an event is taken once, whichever of its names comes again", takesOnce),
        (
            "events of one call are decided in order, and the second of two that are the same is a duplicate",
            decidesInOrder
        ),
        ("log jobs of a claim are queued with it, and not again with a duplicate", queuesJobs),
        ("settling queues the log jobs oldest first, and what is settled comes back to nobody", settles),
        ("settling again is harmless", settlesAgain),
        ("what is left at the end of a run comes to the next, in order, and no death is counted", leavesToNext),
        ("what was begun is handed on with its progress", handsOnProgress),
        ("what is claimed by names alone dies with its run, and its platform's retry is taken by the next", namesDie),
        ("names that are settled are duplicates for every run to come", namesStay),
        ("a dead letter is filed once", filesOnce),
        ("events that are recorded alone are done with their claim", records),
        ("payloads and names of any bytes come back as they were", keepsBytes),
    ]

    static func takesOnce(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        for keeping in [InboxKeeping.payload, .names] {
            let names = ["test:\(keeping)-1", "test:\(keeping)-2"]
            #expect(try await store.claim(event("a", names: names), keeping: keeping) == .taken)
            #expect(try await store.claim(event("a", names: names), keeping: keeping) == .duplicate)
            #expect(try await store.claim(event("a", names: [names[1]]), keeping: keeping) == .duplicate)
            // Known by one name: the other is taken from then on too.
            let third = "test:\(keeping)-3"
            #expect(try await store.claim(event("a", names: [names[0], third]), keeping: keeping) == .duplicate)
            #expect(try await store.claim(event("a", names: [third]), keeping: keeping) == .duplicate)
        }
        await store.retire()
    }

    static func decidesInOrder(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        let entries = [
            event("a"), event("b", names: ["test:a"]), event("c", lane: nil), event("d", purpose: .record),
            event("e", purpose: .signal),
        ]
        let verdicts = try await store.claim(entries, keeping: .payload)
        #expect(verdicts == [.taken, .duplicate, .taken, .taken, .taken])
        for index in [0, 2] { try await store.settle(entries[index]) }
        await store.retire()
    }

    static func queuesJobs(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        _ = try await store.claim(
            [event("a", jobs: ["a1", "a2"]), event("b", purpose: .record, jobs: ["b1"])], keeping: .payload)
        #expect(try await store.claim(event("a", jobs: ["again"])) == .duplicate)
        #expect(try await store.claim(event("c", jobs: ["c1"]), keeping: .names) == .taken)
        #expect(try await fixture.queue() == ["a1", "a2", "b1", "c1"])
        await store.retire()
    }

    static func settles(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        let entries = [event("a"), event("b"), event("c", lane: nil)]
        _ = try await store.claim(entries, keeping: .payload)
        let references = entries.map(\.reference)
        #expect(try await store.begin(references, progress: nil))
        try await store.settle(InboxSettlement(entries: references, jobs: [bytes("1"), bytes("2"), bytes("3")]))
        #expect(try await fixture.queue() == ["1", "2", "3"])
        await store.retire()
        let received = Received()
        let next = try fixture.make()
        await next.start(received.receiver)
        #expect(received.payloads == [])
        #expect(try await next.claim(event("a")) == .duplicate)
        await next.retire()
    }

    static func settlesAgain(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        let (first, second) = (event("a"), event("b"))
        _ = try await store.claim([first, second], keeping: .payload)
        for _ in 0..<3 { try await store.settle(first, jobs: ["a"]) }
        #expect(Set(try await fixture.queue()) == ["a"])
        // The lane is still counted as the second's.
        #expect(try await store.begin([second.reference], progress: nil))
        try await store.settle(second)
        await store.retire()
    }

    static func leavesToNext(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        let entries = (0..<20).map { event("\($0)", lane: $0 % 5 == 0 ? nil : "test:c\($0 % 3)") }
        _ = try await store.claim(entries, keeping: .payload)
        try await store.settle(entries[3])
        await store.retire()
        let received = Received()
        let next = try fixture.make()
        await next.start(received.receiver)
        try await eventually("what was left", on: fixture.loop) { received.deliveries.count == 19 }
        #expect(received.payloads == entries.filter { $0.id != entries[3].id }.map { text($0.payload) })
        #expect(received.deliveries.map(\.reference) == entries.filter { $0.id != entries[3].id }.map(\.reference))
        #expect(received.deliveries.allSatisfy { $0.attempts == 0 && $0.progress == nil })
        // Held by the new run: it is begun and settled there.
        #expect(try await next.begin(received.deliveries.map(\.reference), progress: nil))
        for delivery in received.deliveries { try await next.settle(delivery) }
        await next.retire()
        let last = Received()
        let third = try fixture.make()
        await third.start(last.receiver)
        #expect(last.payloads == [])
        await third.retire()
    }

    static func handsOnProgress(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        let entries = [event("whole"), event("nothing"), event("untouched")]
        _ = try await store.claim(entries, keeping: .payload)
        #expect(try await store.begin([entries[0].reference], progress: bytes("early")))
        #expect(try await store.begin([entries[0].reference], progress: bytes("the answer")))
        #expect(try await store.begin([entries[1].reference], progress: nil))
        await store.retire()
        for _ in 0..<2 {
            let received = Received()
            let next = try fixture.make()
            await next.start(received.receiver)
            try await eventually("what was left", on: fixture.loop) { received.deliveries.count == 3 }
            #expect(received.deliveries.map(\.progress) == [bytes("the answer"), [], nil])
            await next.retire()
        }
    }

    static func namesDie(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        let entry = event("a")
        #expect(try await store.claim(entry, keeping: .names) == .taken)
        #expect(try await store.begin([entry.reference], progress: nil))
        await store.retire()
        let received = Received()
        let next = try fixture.make()
        await next.start(received.receiver)
        #expect(received.payloads == [])
        #expect(try await next.claim(event("a"), keeping: .names) == .taken)
        await next.retire()
    }

    static func namesStay(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        let entry = event("a")
        #expect(try await store.claim(entry, keeping: .names) == .taken)
        try await store.settle(entry, names: entry.names, jobs: ["a"])
        await store.retire()
        let next = try fixture.make()
        await next.start(Received().receiver)
        #expect(try await next.claim(event("a"), keeping: .names) == .duplicate)
        #expect(try await next.claim(event("a"), keeping: .payload) == .duplicate)
        #expect(try await fixture.queue() == ["a"])
        await next.retire()
    }

    static func filesOnce(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        let entry = event("a")
        _ = try await store.claim(entry)
        let end = InboxSettlement(entries: [entry.reference], deadLetter: bytes(#"{"error":"it failed"}"#))
        for _ in 0..<2 { try await store.settle(end) }
        #expect(try await fixture.letters() == [#"{"error":"it failed"}"#])
        await store.retire()
    }

    static func records(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        for keeping in [InboxKeeping.payload, .names] {
            let name = "\(keeping)"
            #expect(try await store.claim(event(name, purpose: .record, jobs: [name]), keeping: keeping) == .taken)
            #expect(try await store.claim(event("s\(name)", purpose: .signal), keeping: keeping) == .taken)
        }
        await store.retire()
        let received = Received()
        let next = try fixture.make()
        await next.start(received.receiver)
        #expect(received.payloads == [])
        for keeping in [InboxKeeping.payload, .names] {
            #expect(try await next.claim(event("\(keeping)", purpose: .record), keeping: .names) == .duplicate)
            #expect(try await next.claim(event("s\(keeping)", purpose: .signal), keeping: .names) == .duplicate)
        }
        #expect(try await fixture.queue() == ["payload", "names"])
        await next.retire()
    }

    static func keepsBytes(_ fixture: InboxFixture) async throws {
        let store = try fixture.make()
        await store.start(Received().receiver)
        let payload = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let lane = "test:ü 🚲 9 \u{1}\n"
        let name = "test:" + String(repeating: "né ", count: 500)
        let whole = InboxEntry(
            id: event("x").id, names: [name], lane: lane, purpose: .answer, payload: payload, jobs: [payload])
        let empty = InboxEntry(id: event("x").id, names: ["test:e"], lane: lane, purpose: .answer, payload: [])
        #expect(try await store.claim([whole, empty], keeping: .payload) == [.taken, .taken])
        #expect(try await store.claim(event("x", lane: lane, names: [name])) == .duplicate)
        #expect(try await store.begin([whole.reference], progress: payload))
        await store.retire()
        let received = Received()
        let next = try fixture.make()
        await next.start(received.receiver)
        try await eventually("what was left", on: fixture.loop) { received.deliveries.count == 2 }
        #expect(received.deliveries.map(\.payload) == [payload, []])
        #expect(received.deliveries.map(\.reference.lane) == [lane, lane])
        #expect(received.deliveries[0].progress == payload)
        await next.retire()
    }
}

/// One promise, as an argument of a test.
struct InboxPromise: Sendable, CustomTestStringConvertible {
    let index: Int
    var testDescription: String { InboxStoreSuite.all[index].name }

    static let all = InboxStoreSuite.all.indices.map { InboxPromise(index: $0) }
    /// Those of an inbox of several shards: what is left comes in the order of its conversation, not of all.
    static let ofShards = all.filter { !$0.testDescription.contains("comes to the next, in order") }

    func check(_ fixture: InboxFixture) async throws { try await InboxStoreSuite.all[index].body(fixture) }
}
