/// The whole truth about one message or change of status, as it travels through the queue to the database.
///
/// Its JSON is fixed in the project's outside contract ("Queue"): other programs may produce it too, and unknown fields are
/// ignored. See `LogJob+JSON.swift`.
public enum LogJob: Sendable, Equatable {
    /// A message, or another event of a conversation.
    case message(LogMessage)
    /// The status of an earlier message has changed.
    case status(LogStatusChange)
    /// News of messages that we sent, by the platform's names for them.
    case receipt(LogReceipt)

    /// The version of the format that we write; a logger leaves jobs of a later one alone.
    public static let version: Int64 = 1

    /// The identifier of the message, of the message whose status changed, or of the receipt.
    public var id: UUID {
        switch self {
        case .message(let message): message.id
        case .status(let change): change.id
        case .receipt(let receipt): receipt.id
        }
    }
}

/// One row of `messages` with what is needed to write its `sessions` row too.
public struct LogMessage: Sendable, Equatable {
    /// Who is speaking to whom.
    public enum Direction: String, Sendable {
        /// From the platform to the agent.
        case inbound
        /// From the agent to the platform.
        case outbound
    }

    /// The session as the bridge knows it.
    public struct Session: Sendable, Equatable {
        /// The session's identifier.
        public var id: UUID
        /// The platform.
        public var platform: String
        /// The account on the platform.
        public var account: String
        /// The conversation on the platform.
        public var conversation: String
        /// The thread within the conversation.
        public var thread: String?
        /// The user who opened it.
        public var user: String?

        /// A session.
        public init(
            id: UUID, platform: String, account: String = "default", conversation: String, thread: String? = nil,
            user: String? = nil
        ) {
            self.id = id
            self.platform = platform
            self.account = account
            self.conversation = conversation
            self.thread = thread
            self.user = user
        }
    }

    /// The message's identifier, of version 7: made once, by the bridge.
    public var id: UUID
    /// When it was received or sent.
    public var at: Timestamp
    /// The session it belongs to.
    public var session: Session
    /// Which way it went.
    public var direction: Direction
    /// Who wrote it, in the platform's name; nil where nobody is named.
    public var sender: String?
    /// Its kind; one of ``ContentKind`` from us, any word from other producers.
    public var type: String
    /// Its words.
    public var text: String?
    /// A JSON array of attachments.
    public var attachments: [UInt8]
    /// The agent's run or request id.
    public var request: String?
    /// Where it stands.
    public var status: MessageStatus
    /// A JSON object of everything else.
    public var metadata: [UInt8]

    /// The JSON of an empty array.
    public static let noAttachments = Array("[]".utf8)
    /// The JSON of an empty object.
    public static let noMetadata = Array("{}".utf8)

    /// A message.
    public init(
        id: UUID, at: Timestamp, session: Session, direction: Direction, sender: String? = nil, type: String = "text",
        text: String?, attachments: [UInt8] = LogMessage.noAttachments, request: String? = nil, status: MessageStatus,
        metadata: [UInt8] = LogMessage.noMetadata
    ) {
        self.id = id
        self.at = at
        self.session = session
        self.direction = direction
        self.sender = sender
        self.type = type
        self.text = text
        self.attachments = attachments
        self.request = request
        self.status = status
        self.metadata = metadata
    }
}

/// News of the status of a message that was logged before.
public struct LogStatusChange: Sendable, Equatable {
    /// The message's identifier.
    public var id: UUID
    /// When it happened.
    public var at: Timestamp
    /// The new status.
    public var status: MessageStatus
    /// A JSON object to merge into the message's metadata.
    public var metadata: [UInt8]
    /// A JSON object of what became of the message's attachments: under the place of one, from "0", the object that is written
    /// into it as its `stored`.
    ///
    /// A logger that does not know of it leaves the attachments as they are.
    public var stored: [UInt8]

    /// A change of status.
    public init(
        id: UUID, at: Timestamp, status: MessageStatus, metadata: [UInt8] = LogMessage.noMetadata,
        stored: [UInt8] = LogMessage.noMetadata
    ) {
        self.id = id
        self.at = at
        self.status = status
        self.metadata = metadata
        self.stored = stored
    }
}

/// Where a message stands.
///
/// It only moves forward: a platform may report `delivered` after `read`. See ``rank``.
public enum MessageStatus: String, Sendable, CaseIterable {
    /// Inbound: it came in.
    case received
    /// Outbound: the platform took it.
    case sent
    /// Outbound: it reached the user's device.
    case delivered
    /// Outbound: the user has seen it.
    case read
    /// Inbound: it could not be answered. Outbound: it could not be sent.
    case failed
    /// Its text was changed later.
    case edited
    /// It was removed later.
    case deleted

    /// The order in which statuses may follow each other; a change to a lower or equal rank is ignored.
    public var rank: Int {
        switch self {
        case .received: 0
        case .sent: 1
        case .delivered: 2
        case .read: 3
        case .failed: 4
        case .edited: 5
        case .deleted: 6
        }
    }
}
