public import BridgeCore

/// An event as the store keeps it: opaque but for its names and its conversation.
public struct InboxEntry: Sendable {
    /// What names an entry once it is claimed.
    public struct Reference: Sendable, Hashable {
        /// Our name of the message.
        public let id: UUID
        /// The conversation; see ``InboxEntry/lane``.
        public let lane: String?

        /// A reference.
        public init(id: UUID, lane: String?) {
            self.id = id
            self.lane = lane
        }
    }

    /// What is to be done with it.
    public enum Purpose: Sendable {
        /// It is answered: the store keeps it until it is settled.
        case answer
        /// It is written down, and done with the claim.
        case record
        /// As `record`; but whoever answers the conversation is to know (a message was edited or deleted).
        case signal
    }

    /// Our name of the message.
    public let id: UUID
    /// The names by which the platform may deliver it again, with the platform's own name in front: `telegram:12345`.
    ///
    /// It is a duplicate when any of them was taken before; all of them are taken from then on.
    public let names: [String]
    /// The conversation's name in the fleet.
    ///
    /// One bridge answers it at a time. Nil: the event is answered where it arrived.
    public let lane: String?
    /// What is to be done with it.
    public let purpose: Purpose
    /// What another bridge needs to answer it.
    public let payload: [UInt8]
    /// Encoded log jobs that go to the queue when it is taken, and do not when it was taken before.
    public let jobs: [[UInt8]]
    /// When the platform says that it happened: no bridge can have taken it before.
    public let sentAt: Timestamp?

    /// An entry.
    public init(
        id: UUID, names: [String], lane: String?, purpose: Purpose, payload: [UInt8], jobs: [[UInt8]] = [],
        sentAt: Timestamp? = nil
    ) {
        self.id = id
        self.names = names
        self.lane = lane
        self.purpose = purpose
        self.payload = payload
        self.jobs = jobs
        self.sentAt = sentAt
    }

    /// What names it once it is claimed.
    public var reference: Reference { Reference(id: id, lane: lane) }
}

/// An event that comes from another bridge, or from an earlier run.
public struct InboxDelivery: Sendable {
    /// What names it.
    public let reference: InboxEntry.Reference
    /// What is to be done with it: never `record`.
    public let purpose: InboxEntry.Purpose
    /// ``InboxEntry/payload``.
    public let payload: [UInt8]
    /// How many bridges have died over it.
    public let attempts: Int
    /// Nil when nobody had begun to answer it; empty when somebody had, and left no progress.
    public let progress: [UInt8]?

    /// A delivery.
    public init(
        reference: InboxEntry.Reference, purpose: InboxEntry.Purpose, payload: [UInt8], attempts: Int = 0,
        progress: [UInt8]? = nil
    ) {
        self.reference = reference
        self.purpose = purpose
        self.payload = payload
        self.attempts = attempts
        self.progress = progress
    }
}

/// The end of entries.
public struct InboxSettlement: Sendable {
    /// The entries that are done.
    public var entries: [InboxEntry.Reference]
    /// Their names, where only these were kept; empty else.
    public var names: [String]
    /// Encoded log jobs for the queue, oldest first.
    public var jobs: [[UInt8]]
    /// What goes to the dead letters of deliveries: one JSON object with an `error`.
    public var deadLetter: [UInt8]?

    /// An end.
    public init(
        entries: [InboxEntry.Reference], names: [String] = [], jobs: [[UInt8]] = [], deadLetter: [UInt8]? = nil
    ) {
        self.entries = entries
        self.names = names
        self.jobs = jobs
        self.deadLetter = deadLetter
    }
}

/// Why a store could not do what it was asked for.
public struct InboxError: Error, Sendable, CustomStringConvertible {
    /// What to do now.
    public enum Code: Sendable {
        /// The store is away or did not answer.
        case unavailable
        /// The store has no room.
        case full
    }

    /// What to do now.
    public let code: Code
    /// What happened, for a person to read.
    public let message: String

    /// An error.
    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
