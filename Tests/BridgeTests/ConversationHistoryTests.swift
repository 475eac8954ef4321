import BridgeCore
import BridgeTesting
import TestSupport
import Testing

@testable import Bridge

struct ConversationHistoryTests {
    @Test func `the last messages of a conversation are kept, in order, and of no other`() {
        var history = ConversationHistory(limit: 4)
        for number in 1...5 { history.append(question: "q\(number)", answer: "a\(number)", to: "c") }
        let messages = history.messages(of: "c")
        #expect(messages.map(\.text) == ["q4", "a4", "q5", "a5"])
        #expect(messages.map(\.role) == [.user, .assistant, .user, .assistant])
        let other = history.messages(of: "d")
        #expect(other.isEmpty)
    }

    @Test(arguments: ["a", "é", "€", "😀", "👩‍👩‍👧‍👦", "e\u{301}"])
    func `a long message is cut between characters`(character: String) throws {
        var history = ConversationHistory(limit: 2)
        history.append(question: "x" + String(repeating: character, count: 20_000), answer: "ok", to: "c")
        let text = try #require(history.messages(of: "c").first?.text)
        #expect(text.utf8.count <= ConversationHistory.bytesPerMessage)
        #expect(text.utf8.count > ConversationHistory.bytesPerMessage - 60)
        #expect(text.dropFirst().allSatisfy { $0 == Character(character) })
    }

    @Test func `a character of a megabyte is cut between its scalars`() throws {
        var history = ConversationHistory(limit: 2)
        history.append(question: "e" + String(repeating: "\u{301}", count: 500_000), answer: "ok", to: "c")
        let text = try #require(history.messages(of: "c").first?.text)
        #expect(text.utf8.count <= ConversationHistory.bytesPerMessage && !text.contains("\u{FFFD}") && !text.isEmpty)
    }

    @Test func `all conversations together keep to their bytes, and the silent ones are forgotten`() {
        var history = ConversationHistory(limit: 20, bytes: 1 << 20)
        let long = String(repeating: "x", count: 10_000)
        for number in 0..<1000 {
            history.append(question: long, answer: long, to: "c\(number)")
            let kept = history.messages(of: "c0")
            #expect(!kept.isEmpty)
        }
        // Twice the limit, and each takes some 20 kB.
        #expect(history.count <= 2 * (1 << 20) / 20_000)
        let forgotten = history.messages(of: "c1")
        #expect(forgotten.isEmpty)
    }

    @Test func `none are kept when none are wanted`() {
        var history = ConversationHistory(limit: 0)
        history.append(question: "q", answer: "a", to: "c")
        let messages = history.messages(of: "c")
        #expect(messages.isEmpty && history.count == 0)
    }
}
