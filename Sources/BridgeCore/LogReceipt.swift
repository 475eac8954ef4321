/// News of messages that we sent, by the platform's names for them: delivered, read, failed.
///
/// The bridge that hears it need not be the one that sent them: the logger finds them in the database by their conversation.
public struct LogReceipt: Sendable, Equatable {
    /// The receipt's identifier.
    public var id: UUID
    /// When we heard of it.
    public var at: Timestamp
    /// The platform.
    public var platform: String
    /// The account on the platform.
    public var account: String
    /// The conversation on the platform.
    public var conversation: String
    /// The new status.
    public var status: MessageStatus
    /// The platform's names of the messages.
    public var messages: [String]
    /// All messages of the conversation sent up to this time, where the platform tells a time instead of names.
    public var upTo: Timestamp?
    /// A JSON object to merge into the messages' metadata.
    public var metadata: [UInt8]

    /// A receipt.
    public init(
        id: UUID, at: Timestamp, platform: String, account: String = "default", conversation: String,
        status: MessageStatus, messages: [String], upTo: Timestamp? = nil,
        metadata: [UInt8] = LogMessage.noMetadata
    ) {
        self.id = id
        self.at = at
        self.platform = platform
        self.account = account
        self.conversation = conversation
        self.status = status
        self.messages = messages
        self.upTo = upTo
        self.metadata = metadata
    }
}
