/// One thing that happened on a platform, normalized: what every adapter makes of its platform's payloads.
///
/// A value whose copies share one ``Content`` until one of them is changed: it goes from hand to hand, and holds a score of
/// references.
@dynamicMemberLookup
public struct InboundEvent: Sendable {
    /// What the engine does with an event.
    public enum Disposition: Sendable {
        /// The agent is asked and its answer goes to the user.
        case answer
        /// It is written down; nobody is answered.
        case record
    }

    /// Where in the world of its platform something happened, and where an answer belongs.
    public struct Place: Sendable, Hashable {
        /// Which account of the platform.
        public var account: AccountName
        /// Which conversation.
        public var conversation: ConversationID
        /// Which thread within it.
        public var thread: ThreadID?
        /// True where more people than the sender read along: pacing and mentions differ there.
        public var isGroup: Bool

        /// A place on the platform.
        public init(
            account: AccountName = .default, conversation: ConversationID, thread: ThreadID? = nil,
            isGroup: Bool = false
        ) {
            self.account = account
            self.conversation = conversation
            self.thread = thread
            self.isGroup = isGroup
        }
    }

    /// Who did it.
    public struct Sender: Sendable, Equatable {
        /// The platform's identifier.
        public var id: PlatformUserID
        /// The name that people see.
        public var name: String?
        /// The language of their application, as in `en` or `pt-BR` (BCP 47), where the platform tells it.
        public var locale: String?

        /// A sender.
        public init(id: PlatformUserID, name: String? = nil, locale: String? = nil) {
            self.id = id
            self.name = name
            self.locale = locale
        }
    }

    /// What became of messages that we sent.
    public struct Receipt: Sendable, Equatable {
        /// How far they came; a message's status only moves forward.
        public enum Status: String, Sendable {
            /// The platform took it.
            case sent
            /// It is on the user's device.
            case delivered
            /// The user has seen it.
            case read
            /// The platform gave it up.
            case failed
        }

        /// How far they came.
        public var status: Status
        /// The messages, by the platform's names.
        public var messages: [PlatformMessageID]
        /// All messages of the conversation up to this time, where the platform tells a time instead of names.
        public var upTo: Timestamp?
        /// Why it failed, in the platform's words or code.
        public var reason: String?

        /// News of these messages.
        public init(
            _ status: Status, of messages: [PlatformMessageID] = [], upTo: Timestamp? = nil, reason: String? = nil
        ) {
            self.status = status
            self.messages = messages
            self.upTo = upTo
            self.reason = reason
        }
    }

    /// What is known of it.
    public struct Content: Sendable {
        /// Stays the same when the platform delivers the event again.
        public var id: EventID
        /// Other names under which the same user message may arrive as another event; whichever comes first is answered.
        public var aliases: [EventID]
        /// What it is.
        public var kind: ContentKind
        /// Whether anybody is to be answered.
        public var disposition: Disposition
        /// Where it happened.
        public var place: Place
        /// Who did it; nil where the platform does not say.
        public var sender: Sender?
        /// The platform's name of the message itself.
        public var messageID: PlatformMessageID?
        /// The message that this event is about: edited, deleted, reacted to, holding the button.
        public var target: PlatformMessageID?
        /// The earlier message to which this one replies.
        public var replyTo: PlatformMessageID?
        /// The words of it: text, caption, command with its arguments, emoji of a reaction, value of a button.
        public var text: String?
        /// What came with it.
        public var attachments: [Attachment]
        /// When the platform says that it happened.
        public var sentAt: Timestamp?
        /// The conversation goes on under this identifier from now on.
        public var movedTo: ConversationID?
        /// What the adapter needs to see again when it encodes the answer (a reply token, a response address).
        ///
        /// Never logged.
        public var replyContext: [String: String]
        /// What became of messages that we sent; with ``ContentKind/status`` alone.
        public var receipt: Receipt?
        /// What the platform wants to be told at once, besides any answer (that a button press was seen).
        public var followUps: [OutboundAction.Kind]
        /// What else is worth keeping in the log.
        public var metadata: Metadata
    }

    // Unchecked: written by the one event that holds it.
    @usableFromInline final class Box: @unchecked Sendable {
        @usableFromInline var content: Content
        @usableFromInline init(_ content: Content) { self.content = content }
    }

    @usableFromInline var box: Box

    /// A part of the content.
    @inlinable public subscript<Part>(dynamicMember part: WritableKeyPath<Content, Part>) -> Part {
        get { box.content[keyPath: part] }
        _modify {
            if !isKnownUniquelyReferenced(&box) { box = Box(box.content) }
            yield &box.content[keyPath: part]
        }
    }

    /// An event of which only this much is known.
    public init(
        id: EventID, aliases: [EventID] = [], kind: ContentKind, disposition: Disposition, place: Place,
        sender: Sender? = nil, messageID: PlatformMessageID? = nil, target: PlatformMessageID? = nil,
        replyTo: PlatformMessageID? = nil, text: String? = nil, attachments: [Attachment] = [],
        sentAt: Timestamp? = nil,
        movedTo: ConversationID? = nil, replyContext: [String: String] = [:], receipt: Receipt? = nil,
        followUps: [OutboundAction.Kind] = [],
        metadata: Metadata = [:]
    ) {
        box = Box(
            Content(
                id: id, aliases: aliases, kind: kind, disposition: disposition, place: place, sender: sender,
                messageID: messageID, target: target, replyTo: replyTo, text: text, attachments: attachments,
                sentAt: sentAt, movedTo: movedTo, replyContext: replyContext, receipt: receipt, followUps: followUps,
                metadata: metadata))
    }
}
