package import BridgeCore

/// What was found of a person in one kind of place.
package struct Finding: Sendable, Equatable {
    /// The kind of place, as a receipt names it.
    package enum Place: String, Sendable, CaseIterable {
        /// Rows of `sessions`.
        case sessions
        /// Rows of `messages`: theirs, and the answers to them.
        case messages
        /// Messages of others that named them: only that was taken out.
        case redacted
        /// Files in object storage.
        case objects
        /// Log jobs that wait.
        case queue
        /// Log jobs that a logger has claimed.
        case claimed
        /// Dead letters of the log.
        case deadJobs = "dead_jobs"
        /// Dead letters of deliveries.
        case deadDeliveries = "dead_deliveries"
        /// Events that are being answered, or wait for it.
        case inbox
        /// Names of conversations in the registry of sessions.
        case registry
        /// Log jobs on this machine's disk.
        case spool

        /// What it is called when it is shown to people.
        package var title: String {
            switch self {
            case .sessions: "sessions"
            case .messages: "messages"
            case .redacted: "messages of others that named them"
            case .objects: "files in object storage"
            case .queue: "log jobs in the queue"
            case .claimed: "log jobs in a logger's hand"
            case .deadJobs: "dead letters of the log"
            case .deadDeliveries: "dead letters of deliveries"
            case .inbox: "events in the inbox"
            case .registry: "conversations in the registry"
            case .spool: "log jobs in the spool"
            }
        }
    }

    /// Where.
    package let place: Place
    /// How much was erased, or would be.
    package var count = 0
    /// How much is in somebody's work just now, and was left to them.
    package var inWork = 0
    /// What was found, as it lay there, where that was asked for.
    package var documents: [[UInt8]] = []

    package init(_ place: Place) {
        self.place = place
    }

    /// Takes note of something of the person.
    mutating func note(_ document: [UInt8], isInWork: Bool, keeps: Bool) {
        if isInWork { inWork += 1 } else { count += 1 }
        if keeps { documents.append(document) }
    }
}

/// What is done with what is found.
package enum Visit: Sendable {
    /// Counted.
    case count
    /// Counted, and its documents are kept.
    case collect
    /// Deleted.
    case erase
}

/// Something besides the database in which a person's words may lie.
package protocol PersonalPlace: Sendable {
    /// Looks for what is of the person, and deletes it where that is asked for; what somebody is at work on stays.
    func visit(_ matcher: inout PersonMatcher, _ visit: Visit) async throws(RetentionError) -> [Finding]
}

/// Where files are kept that came with messages.
package protocol ObjectEraser: Sendable {
    /// Deletes an object; one that is not there is no error.
    func delete(bucket: String, key: String) async throws(RetentionError)

    /// Deletes copies of a message's attachments of which its row does not know: the bridge that made them was killed before it
    /// could tell, or its news are on their way.
    ///
    /// - Returns: how many there were.
    func deleteCopies(of message: UUID, platform: String, account: String) async throws(RetentionError) -> Int
}
