public import BridgeCore

/// A store of conversations that is read once, page by page, and never written to.
///
/// ``openImportSource(path:mapping:)`` makes one. Pages come in an order that is the same in every run, so that the `next` of
/// a page is a checkpoint: an import that was killed goes on after it. A page costs the memory of its rows and no more,
/// however large the store is. Calls may come from any task; they are served one at a time, on a thread of the source's own.
public protocol ImportSource: Sendable {
    /// What was recognised: `ChatBridge`, `Mastra` or `mapping`.
    var name: String { get }

    /// How many rows there are to read, those that will be rejected included.
    func counts() async throws -> ImportCounts

    /// The sessions behind a position, in the source's order.
    ///
    /// Messages that name a session which the store does not have get one made for them; it comes here too.
    ///
    /// - Parameters:
    ///   - position: the `next` of an earlier page, of this run or another; nil for the start.
    ///   - limit: how many rows of the source are read at most.
    /// - Throws: ``ImportSourceError``.
    func sessions(after position: ImportPosition?, limit: Int) async throws -> ImportPage<ImportedSession>

    /// The messages behind a position, session after session, each session's transcript in its order.
    ///
    /// - Parameters:
    ///   - position: the `next` of an earlier page, of this run or another; nil for the start.
    ///   - limit: how many rows of the source are read at most.
    /// - Throws: ``ImportSourceError``.
    func messages(after position: ImportPosition?, limit: Int) async throws -> ImportPage<LogMessage>

    /// One session's messages as ``messages(after:limit:)`` gives them; none for a session that is not of this source.
    ///
    /// - Throws: ``ImportSourceError``.
    func transcript(of session: UUID) async throws -> [LogMessage]

    /// Closes the file; nothing may be asked afterwards.
    func close() async
}

/// How many rows a source has.
public struct ImportCounts: Sendable, Equatable {
    /// Conversations, those made for messages without one included.
    public var sessions: Int
    /// Messages.
    public var messages: Int

    /// So many of each.
    public init(sessions: Int, messages: Int) {
        self.sessions = sessions
        self.messages = messages
    }
}

/// One session of the source as a row of ours.
public struct ImportedSession: Sendable, Equatable {
    /// The session's identifier: the source's own where it is a UUID, else derived from it.
    public var id: UUID
    /// The platform.
    public var platform: String
    /// The account on the platform.
    public var account: String
    /// The conversation on the platform.
    public var conversation: String
    /// The user who opened it.
    public var user: String?
    /// `active` or `closed`.
    public var status: String
    /// When it began; never after its first message.
    public var createdAt: Timestamp
    /// When it was last used; never before its last message.
    public var lastActivity: Timestamp
    /// A JSON object; `thread` in it is the thread within the conversation.
    public var metadata: [UInt8]

    /// A session.
    public init(
        id: UUID, platform: String, account: String = "default", conversation: String, user: String? = nil,
        status: String = "active", createdAt: Timestamp, lastActivity: Timestamp,
        metadata: [UInt8] = LogMessage.noMetadata
    ) {
        self.id = id
        self.platform = platform
        self.account = account
        self.conversation = conversation
        self.user = user
        self.status = status
        self.createdAt = createdAt
        self.lastActivity = lastActivity
        self.metadata = metadata
    }
}
