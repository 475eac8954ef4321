public import BridgeCore

/// What a session is of: a conversation, or a thread of one, on an account of a platform.
public struct SessionKey: Sendable, Hashable {
    /// The platform's short name.
    public let platform: String
    /// The account on the platform.
    public let account: String
    /// The conversation on the platform.
    public let conversation: String
    /// The thread within the conversation; nil for the conversation itself.
    public let thread: String?

    /// A key of these names.
    public init(platform: String, account: String = "default", conversation: String, thread: String? = nil) {
        self.platform = platform
        self.account = account
        self.conversation = conversation
        self.thread = thread
    }

    /// The key of the session that a message names.
    public init(_ session: LogMessage.Session) {
        self.init(
            platform: session.platform, account: session.account, conversation: session.conversation,
            thread: session.thread)
    }

    /// The names in one string that no other key has: each is preceded by its length in bytes.
    public var canonical: String {
        var text = ""
        for part in [platform, account, conversation] { text += "\(part.utf8.count):\(part)" }
        if let thread { text += "\(thread.utf8.count):\(thread)" }
        return text
    }
}
