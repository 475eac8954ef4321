internal import BridgeCore

/// The last turns of each conversation, for agents that keep no memory of their own.
struct ConversationHistory {
    /// Messages longer than this are kept in part: an agent's context is paid for by length.
    private static let bytesPerMessage = 16_384

    private let limit: Int
    private var turns: GenerationalCache<String, [AgentTurn.Message]>

    /// - Parameters:
    ///   - limit: messages kept of one conversation.
    ///   - conversations: conversations kept, up to twice as many.
    init(limit: Int, conversations: Int = 5_000) {
        self.limit = limit
        turns = GenerationalCache(capacity: conversations)
    }

    mutating func messages(of conversation: String) -> [AgentTurn.Message] {
        turns[conversation] ?? []
    }

    mutating func append(question: String, answer: String, to conversation: String) {
        guard limit > 0 else { return }
        let messages =
            (turns[conversation] ?? []) + [
                AgentTurn.Message(role: .user, text: ConversationHistory.shortened(question)),
                AgentTurn.Message(role: .assistant, text: ConversationHistory.shortened(answer)),
            ]
        turns[conversation] = Array(messages.suffix(limit))
    }

    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > bytesPerMessage else { return text }
        return String(decoding: text.utf8.prefix(bytesPerMessage), as: UTF8.self)
    }
}
