/// What a platform's response to an action means.
public enum DeliveryResult: Sendable, Equatable {
    /// Done; the message's name where the platform gave one.
    case delivered(PlatformMessageID?)
    /// All messages of a batch are sent; their names, as far as the platform gave them.
    case deliveredBatch([PlatformMessageID])
    /// Not done, and what to do about it.
    case failed(DeliveryFailure)
}

/// Why an action was not done, with the answer to "what now?" in its kind.
public struct DeliveryFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What follows from the failure.
    public enum Kind: Sendable, Equatable {
        /// Too many requests: try again after this time, exactly; nil where the platform does not say.
        case rateLimited(after: Duration?)
        /// A fault that passes: try again with backoff.
        case temporary
        /// The request may have been carried out, but its answer was lost: not repeated, lest the user reads it twice.
        case uncertain
        /// The platform does not understand the formatting: send the same words as plain text.
        case formattingRefused
        /// The conversation has another identifier now: send it there.
        case conversationMoved(to: ConversationID)
        /// The user does not want to hear from us (blocked, left). Permanent for this conversation.
        case blocked
        /// What came with the event cannot be used (any more): send it of our own accord.
        case replyRefused
        /// The platform takes no message until the user writes again: the text is held until then.
        case windowClosed
        /// The conversation or message is gone. Permanent.
        case gone
        /// Our credentials are wrong. Permanent until somebody mends the configuration.
        case unauthorized
        /// The platform refuses this request as it is. Permanent for this action.
        case refused
    }

    /// Whom a call for patience concerns.
    public enum Scope: Sendable, Equatable {
        /// The conversation that was written to; also where the platform does not say.
        case conversation
        /// Whatever we do on the platform.
        case account
    }

    /// What follows from it.
    public var kind: Kind
    /// The platform's own words or code, without secrets and without the user's text.
    public var reason: String
    /// Whom it concerns, where it is a ``Kind/rateLimited(after:)``: all wait that it concerns.
    public var scope: Scope

    /// A failure of this kind; a platform that gives no reason is said to have given none.
    public init(_ kind: Kind, reason: String, scope: Scope = .conversation) {
        self.kind = kind
        self.reason = reason.isEmpty ? "no reason given" : reason
        if case .rateLimited = kind { self.scope = scope } else { self.scope = .conversation }
    }

    /// The platform's words.
    public var description: String { reason }

    /// True when the platform asks for patience.
    public var isRateLimit: Bool {
        if case .rateLimited = kind { true } else { false }
    }

    /// True when the same request may succeed later.
    public var isTemporary: Bool {
        switch kind {
        case .rateLimited, .temporary: true
        default: false
        }
    }
}
