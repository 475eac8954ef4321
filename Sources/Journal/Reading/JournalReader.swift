public import BridgeCore

/// Reads what the logger has written, for the operator's commands: Postgres, or the embedded SQLite file.
///
/// Over a connection of its own; it changes nothing. Lists are in the order of time.
public protocol JournalReader: Sendable {
    /// The message of an identifier.
    func message(_ id: UUID) async throws(JournalStoreError) -> StoredMessage?

    /// The answers to a message: outbound, of its session, with its identifier as what they reply to.
    func answers(to message: StoredMessage) async throws(JournalStoreError) -> [StoredMessage]

    /// The messages that a platform calls so, by its names of messages or of events, not older than `since`.
    func messages(named name: String, on platform: String, since: Timestamp) async throws(JournalStoreError)
        -> [StoredMessage]

    /// What has come into the journal since the last call; the first call gives the latest messages.
    ///
    /// Each message comes once, also when it is written later than younger ones; one that is written more than two minutes after it was
    /// sent may be passed over. Messages come in the order of their time within a call.
    func next(_ filter: JournalFilter) async throws(JournalStoreError) -> [StoredMessage]

    /// Gives the connection back.
    func close() async
}

/// Which messages are followed.
public struct JournalFilter: Sendable, Equatable {
    /// Of this session alone.
    public var session: UUID?
    /// Of this platform alone.
    public var platform: String?
    /// How many earlier messages come first.
    public var earlier: Int

    /// A filter; nil takes all.
    public init(session: UUID? = nil, platform: String? = nil, earlier: Int = 10) {
        self.session = session
        self.platform = platform
        self.earlier = earlier
    }
}

extension UUID {
    /// The least identifier of version 7 that was made at a time: what was made then or later is not below it.
    static func floor(at time: Timestamp) -> UUID {
        UUID(high: UInt64(max(0, time.microseconds / 1000)) << 16, low: 0)
    }
}
