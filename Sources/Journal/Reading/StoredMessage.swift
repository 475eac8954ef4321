public import BridgeCore

/// A row of `messages` with what its `sessions` row says, as the operator's commands read it.
public struct StoredMessage: Sendable, Equatable {
    /// The message's identifier.
    public var id: UUID
    /// Its session.
    public var session: UUID
    /// The platform of the session.
    public var platform: String
    /// The platform's account.
    public var account: String
    /// The conversation on the platform.
    public var conversation: String
    /// Which way it went.
    public var direction: LogMessage.Direction
    /// Who wrote it; nil where nobody is named.
    public var sender: String?
    /// Its kind.
    public var type: String
    /// Its words.
    public var text: String?
    /// The number of its attachments.
    public var attachments: Int
    /// When it was received or sent.
    public var at: Timestamp
    /// The agent's run or request id.
    public var request: String?
    /// Where it stands.
    public var status: String
    /// A JSON object of everything else.
    public var metadata: [UInt8]
    /// When the row was committed as it is; nil where the database does not keep that.
    public var loggedAt: Timestamp?

    /// A message of these parts.
    public init(
        id: UUID, session: UUID, platform: String, account: String, conversation: String,
        direction: LogMessage.Direction, sender: String?, type: String, text: String?, attachments: Int, at: Timestamp,
        request: String?, status: String, metadata: [UInt8], loggedAt: Timestamp? = nil
    ) {
        self.id = id
        self.session = session
        self.platform = platform
        self.account = account
        self.conversation = conversation
        self.direction = direction
        self.sender = sender
        self.type = type
        self.text = text
        self.attachments = attachments
        self.at = at
        self.request = request
        self.status = status
        self.metadata = metadata
        self.loggedAt = loggedAt
    }
}

extension StoredMessage {
    /// A row that is still a log job.
    public init(_ message: LogMessage) {
        self.init(
            id: message.id, session: message.session.id, platform: message.session.platform,
            account: message.session.account, conversation: message.session.conversation,
            direction: message.direction, sender: message.sender, type: message.type, text: message.text,
            attachments: message.attachments == LogMessage.noAttachments ? 0 : 1, at: message.at,
            request: message.request, status: message.status.rawValue, metadata: message.metadata)
    }
}
