/// An identifier that some platform or part of ours gave out; opaque outside of the code that made it.
///
/// Each meaning is a type of its own, so that a user can never be passed for a conversation.
public protocol Identifier: Sendable, Hashable, CustomStringConvertible {
    /// The identifier as its maker wrote it.
    var rawValue: String { get }
    /// Takes an identifier as its maker wrote it.
    init(_ rawValue: String)
}

extension Identifier {
    /// The identifier as its maker wrote it.
    public var description: String { rawValue }
}

/// The short name of a platform, as it stands in `/webhooks/{platform}` and in the tables, as `telegram`.
public struct PlatformName: Identifier {
    /// The name, in lower case.
    public let rawValue: String
    /// Takes a name in lower case.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// Which of several accounts of one platform a conversation belongs to: a Slack team, a page; `default` where there is one.
public struct AccountName: Identifier {
    /// The account's identifier on the platform.
    public let rawValue: String
    /// Takes the platform's identifier.
    public init(_ rawValue: String) { self.rawValue = rawValue }
    /// The only account of a platform that has no such notion.
    public static let `default` = AccountName("default")
}

/// A chat, channel or direct conversation on its platform.
public struct ConversationID: Identifier {
    /// The platform's identifier.
    public let rawValue: String
    /// Takes the platform's identifier.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// A thread or topic within a conversation.
public struct ThreadID: Identifier {
    /// The platform's identifier.
    public let rawValue: String
    /// Takes the platform's identifier.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// A person or bot on its platform.
public struct PlatformUserID: Identifier {
    /// The platform's identifier.
    public let rawValue: String
    /// Takes the platform's identifier.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// A message as its platform names it; unique within its conversation.
public struct PlatformMessageID: Identifier {
    /// The platform's identifier.
    public let rawValue: String
    /// Takes the platform's identifier.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// What stays the same when a platform delivers an event again; unique within its platform.
public struct EventID: Identifier {
    /// The platform's identifier, or one made of the event's own ids.
    public let rawValue: String
    /// Takes the platform's identifier, or one made of the event's own ids.
    public init(_ rawValue: String) { self.rawValue = rawValue }
}
