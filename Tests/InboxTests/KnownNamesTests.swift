import Testing

@testable import Inbox

@Suite struct KnownNamesTests {
    @Test func `no name is surely new before those of the file are known`() {
        var known = KnownNames()
        #expect(!known.isNew("a"))
        known.note("a")
        known.setComplete()
        #expect(!known.isNew("a"))
        #expect(known.isNew("b"))
    }

    @Test func `a name is remembered for one turn, and forgotten with the second`() {
        var known = KnownNames()
        known.setComplete()
        known.note("a")
        known.turn()
        known.note("b")
        #expect(!known.isNew("a"))
        known.turn()
        #expect(known.isNew("a"))
        #expect(!known.isNew("b"))
    }

    @Test func `what is in work is no file's matter, until it ends`() {
        var known = KnownNames()
        known.setComplete()
        known.begin(["a", "b"])
        #expect(known.isInWork("a") && known.isInWork("b"))
        #expect(known.isNew("a"))
        known.end(["a"])
        #expect(!known.isInWork("a"))
        #expect(known.isInWork("b"))
    }

    @Test func `beyond the limit nothing is surely new any more`() {
        var known = KnownNames()
        known.setComplete()
        for number in 0..<KnownNames.limit { known.note("name \(number)") }
        #expect(known.isNew("another"))
        known.note("one more")
        #expect(!known.isNew("another"))
        #expect(!known.isNew("one more"))
    }
}
