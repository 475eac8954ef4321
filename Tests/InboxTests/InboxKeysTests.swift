import Testing

@testable import Inbox

@Suite struct InboxKeysTests {
    @Test func `a short name is part of the key as it is`() {
        #expect(InboxKeys.name("telegram:12345") == "telegram:12345")
        let longest = String(repeating: "n", count: InboxKeys.longestName)
        #expect(InboxKeys.name(longest) == longest)
    }

    @Test func `a long name is hashed, and two long names have two hashes`() {
        let first = String(repeating: "é", count: 41)
        let second = first + "x"
        #expect(InboxKeys.name(first).utf8.count == 64)
        #expect(InboxKeys.name(first) == InboxKeys.name(first))
        #expect(InboxKeys.name(first) != InboxKeys.name(second))
    }
}
