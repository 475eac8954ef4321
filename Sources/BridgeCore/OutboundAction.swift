/// One thing to do on a platform, before an adapter turns it into a request.
public struct OutboundAction: Sendable {
    /// How a text is to be read.
    public enum Format: Sendable, Equatable {
        /// CommonMark, as agents write it; the adapter renders it in its platform's dialect.
        case markdown
        /// Words as they are: for platforms without a dialect, and after a platform refused the formatting.
        case plain
    }

    /// What to do.
    public enum Kind: Sendable, Equatable {
        /// Send a message. The text keeps to the adapter's limit.
        case send(text: String, format: Format)
        /// Send several messages by one request, where the adapter takes more than one
        /// (``Capabilities/messagesPerRequest``).
        case sendBatch(texts: [String], format: Format)
        /// Send a picture, a sound, a film or a file of a kind that the adapter declares.
        case sendAttachment(OutboundAttachment, caption: String?)
        /// Replace the text of a message that we sent.
        case edit(message: PlatformMessageID, text: String, format: Format)
        /// Show that an answer is being made.
        case typing
        /// Tell the platform that a button press was seen.
        case acknowledgeButton(id: String)
        /// Come into the conversation to which we were invited.
        case join
    }

    /// By which right a message goes out.
    public enum Means: Sendable, Equatable {
        /// With what came with the event (``OutboundAction/replyContext``): a reply token, a response address.
        case reply
        /// Of our own accord.
        case push
    }

    /// Names this action; stays the same when it is tried again, so that a receiver can tell a retry.
    public var id: UUID
    /// What to do.
    public var kind: Kind
    /// Where.
    public var place: InboundEvent.Place
    /// By which right it goes out; ``Means/push`` unless the adapter declares ``Capabilities/ReplyRules/token``.
    public var means: Means
    /// Which of the messages that answer its event this is, counted from 0; those that failed count too.
    public var part: Int
    /// The message that is being answered.
    public var replyTo: PlatformMessageID?
    /// What the adapter put into the event that is being answered.
    public var replyContext: [String: String]

    /// Something to do somewhere.
    public init(
        id: UUID, kind: Kind, place: InboundEvent.Place, means: Means = .push, part: Int = 0,
        replyTo: PlatformMessageID? = nil,
        replyContext: [String: String] = [:]
    ) {
        self.id = id
        self.kind = kind
        self.place = place
        self.means = means
        self.part = part
        self.replyTo = replyTo
        self.replyContext = replyContext
    }
}
