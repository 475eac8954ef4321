public import BridgeCore

/// What the comparison of a source with the database has found.
public struct ImportValidation: Sendable {
    /// Something that is not in the database as it is in the source.
    public struct Difference: Sendable, Equatable, CustomStringConvertible {
        /// Where.
        public let session: UUID
        /// What, for a person to read; without what people wrote.
        public let what: String

        /// One line.
        public var description: String { "session \(session): \(what)" }
    }

    /// One session's transcript on both sides.
    public struct Sample: Sendable {
        /// The session.
        public let session: UUID
        /// Its messages in the source, the first 100.
        public let source: [LogMessage]
        /// Its messages in the database, the first 100.
        public let database: [LogMessage]
    }

    /// Sessions compared.
    public internal(set) var sessions = 0
    /// Messages compared.
    public internal(set) var messages = 0
    /// How many sessions have any difference.
    public internal(set) var differences = 0
    /// The first differences; a session may have several.
    public internal(set) var list: [Difference] = []
    /// Messages of these sessions that are later than all that the source has: the conversations go on.
    public internal(set) var later = 0
    /// Messages whose status or metadata has moved on since, as when somebody has read them.
    public internal(set) var movedOn = 0
    /// Messages of people who were forgotten, which ought not to be there and were not compared.
    public internal(set) var erased = 0
    /// Rows of the source that cannot be imported, and so were not compared.
    public internal(set) var rejected = 0
    /// Some transcripts, chosen by chance.
    public internal(set) var samples: [Sample] = []

    /// The most differences that are listed.
    static let listed = 100

    mutating func add(_ differences: [String], in session: UUID) {
        guard !differences.isEmpty else { return }
        self.differences += 1
        for what in differences.prefix(Self.listed - min(Self.listed, list.count)) {
            list.append(Difference(session: session, what: what))
        }
    }
}
