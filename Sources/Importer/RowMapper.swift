internal import BridgeCore
internal import SQLite

/// What an ``OrderedSource`` has to know of one kind of store; pure functions from rows to rows.
protocol RowMapper: Sendable {
    /// What was recognised.
    var name: String { get }
    /// Where the messages are.
    var messages: SourceTable { get }
    /// SQL of the key of a message's session, of columns of `messages`; a text, or NULL.
    var messageSession: String { get }
    /// How a message's time is written, and the column.
    var messageTime: (column: String, format: TimeFormat, offset: Int64) { get }
    /// Where the sessions are, with the SQL of their key; nil when they are only what messages name.
    var sessions: (table: SourceTable, key: String)? { get }
    /// SQL of what ``message(_:from:rowid:at:session:changes:)`` reads, of columns of `m`.
    var messageColumns: [String] { get }
    /// SQL of what ``session(_:from:key:exists:changes:)`` reads, of columns of `t`, the session's row, and `f`, its
    /// first message.
    var sessionColumns: [String] { get }
    /// Further joins for the columns of a session.
    var sessionJoins: String { get }
    /// Makes the ids of sessions.
    var sessionIDs: StableUUID { get }

    /// Maps a session.
    ///
    /// - Parameters:
    ///   - column: Where the columns of ``sessionColumns`` start.
    ///   - exists: Whether the session has a row of its own.
    func session(
        _ row: borrowing SQLiteCursor, from column: Int, key: String, exists: Bool, changes: inout RowChanges
    ) throws(Rejection) -> MappedSession

    /// Maps a message.
    ///
    /// - Parameters:
    ///   - column: Where the columns of ``messageColumns`` start.
    ///   - rowid: The row's number, for tables without an id.
    /// - Returns: nil for a row that is to be left out.
    func message(
        _ row: borrowing SQLiteCursor, from column: Int, rowid: Int64, at time: Timestamp,
        session: LogMessage.Session, changes: inout RowChanges
    ) throws(Rejection) -> LogMessage?
}

/// A session of the source, of which its messages have yet to say when it was.
struct MappedSession: Sendable, Equatable {
    var session: LogMessage.Session
    var status = "active"
    var createdAt: Timestamp?
    var lastActivity: Timestamp?
    /// A JSON object with the thread in it.
    var metadata = LogMessage.noMetadata
}
