internal import BridgeCore

/// The last turns of each conversation, for agents that keep no memory of their own.
struct ConversationHistory {
    /// Messages longer than this are kept in part: an agent's context is paid for by length.
    static let bytesPerMessage = 16_384
    /// What a message takes in memory besides its text, more or less.
    private static let bytesBesides = 64

    private let limit: Int
    private var turns: GenerationalCache<String, [AgentTurn.Message]>

    /// - Parameters:
    ///   - limit: messages kept of one conversation.
    ///   - bytes: text kept of all conversations, up to twice as much; those silent for longest are forgotten first.
    init(limit: Int, bytes: Int = 16 << 20) {
        self.limit = limit
        turns = GenerationalCache(capacity: bytes) { messages in
            messages.reduce(0) { $0 + $1.text.utf8.count + ConversationHistory.bytesBesides }
        }
    }

    /// Conversations that are remembered.
    var count: Int { turns.count }

    mutating func messages(of conversation: String) -> [AgentTurn.Message] {
        turns[conversation] ?? []
    }

    /// - Parameter names: of the two messages, for agents that tell by them which ones they know.
    mutating func append(
        question: String, answer: String, to conversation: String, names: (question: String, answer: String)? = nil
    ) {
        guard limit > 0 else { return }
        let messages =
            (turns[conversation] ?? []) + [
                AgentTurn.Message(id: names?.question, role: .user, text: ConversationHistory.shortened(question)),
                AgentTurn.Message(id: names?.answer, role: .assistant, text: ConversationHistory.shortened(answer)),
            ]
        turns[conversation] = Array(messages.suffix(limit))
    }

    /// Adds a question that got no answer, since a newer one stood in its place.
    mutating func append(unanswered question: String, to conversation: String, name: UUID) {
        guard limit > 0 else { return }
        let message = AgentTurn.Message(
            id: name.description, role: .user, text: ConversationHistory.shortened(question))
        turns[conversation] = Array(((turns[conversation] ?? []) + [message]).suffix(limit))
    }

    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > bytesPerMessage else { return text }
        // Rounded down to a whole scalar; the last character may still lack some of its own.
        let start = text[..<text.utf8.index(text.startIndex, offsetBy: bytesPerMessage)]
        return String(start.count > 1 ? start.dropLast() : start)
    }
}
