import BridgeCore
import Testing

@testable import Inbox

@Suite struct KnownNamesTests {
    @Test func `no name is surely new before those of the file are known`() {
        var known = KnownNames(since: start, for: life)
        #expect(!known.isNew("a"))
        known.note("a", at: start)
        known.setComplete()
        #expect(!known.isNew("a"))
        #expect(known.isNew("b"))
    }

    @Test func `a name is remembered for one turn, and forgotten with the second`() {
        var known = KnownNames(since: start, for: life)
        known.setComplete()
        known.note("a", at: start)
        known.note("b", at: start.advanced(by: life))
        #expect(!known.isNew("a"))
        known.note("c", at: start.advanced(by: life + life))
        #expect(known.isNew("a"))
        #expect(!known.isNew("b"))
    }

    @Test func `what is in work is no file's matter, until it ends`() {
        var known = KnownNames(since: start, for: life)
        known.setComplete()
        known.begin(["a", "b"])
        #expect(known.isInWork("a") && known.isInWork("b"))
        #expect(known.isNew("a"))
        known.end(["a"])
        #expect(!known.isInWork("a"))
        #expect(known.isInWork("b"))
    }

    @Test func `beyond two generations nothing is surely new but what was sent later`() {
        var known = KnownNames(since: start, for: life)
        known.setComplete()
        for number in 0..<KnownNames.limit { known.note("name \(number)", at: start) }
        let later = start.advanced(by: .seconds(3600))
        for number in 0..<KnownNames.limit { known.note("later \(number)", at: later) }
        #expect(known.isNew("another"), "two generations are remembered whole")
        known.note("one more", at: later.advanced(by: .seconds(60)))
        #expect(!known.isNew("another"))
        #expect(!known.isNew("one more", sentAt: later.advanced(by: .seconds(3600))), "it is remembered")
        // What was taken between the start and `later` is forgotten: an event sent then may be one of those.
        #expect(!known.isNew("another", sentAt: later), "the platform's clock may be ahead")
        #expect(known.isNew("another", sentAt: later.advanced(by: .seconds(601))))
    }

    @Test func `when others have changed the store, only what was sent since then is surely new`() {
        var known = KnownNames(since: start, for: life)
        known.setComplete()
        known.begin(["in work"])
        known.note("a", at: start)
        let change = start.advanced(by: .seconds(100))
        known.forget(at: change)
        #expect(!known.isNew("b"))
        #expect(!known.isNew("b", sentAt: change))
        #expect(known.isNew("b", sentAt: change.advanced(by: .seconds(601))))
        #expect(known.isInWork("in work"))
    }

    private let life = Duration.seconds(86_400)
    private let start = Timestamp(microseconds: 1_763_000_000_000_000)
}
