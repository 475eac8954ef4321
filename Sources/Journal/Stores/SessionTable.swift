internal import BridgeCore
internal import JSON

/// The sessions of a batch, each once, with what the batch's messages say of them.
struct SessionTable {
    struct Session {
        var id: UUID
        var platform: String
        var account: String
        var conversation: String
        var user: String?
        var first: Timestamp
        var last: Timestamp
        var thread: String?
        var replaced = false

        /// What goes into the `metadata` column.
        var metadata: [UInt8] {
            guard thread != nil || replaced else { return LogMessage.noMetadata }
            var writer = JSONWriter(capacity: 64)
            writer.object { object in
                object.field("thread", thread)
                if replaced { object.field("replaced", true) }
            }
            return writer.bytes
        }
    }

    private var sessions: [Session] = []
    private var places: [UUID: Int] = [:]

    var isEmpty: Bool { sessions.isEmpty }

    /// In the order of their ids, so that two loggers that write the same sessions lock them in the same order.
    var sorted: [Session] { sessions.sorted { $0.id < $1.id } }

    /// Notes a message at that time in a session that is known already.
    ///
    /// - Parameter user: made only where the session has none yet.
    /// - Returns: false when the session is not known.
    mutating func note(_ id: UUID, at: Timestamp, user: () -> String?) -> Bool {
        guard let place = places[id] else { return false }
        sessions[place].first = min(sessions[place].first, at)
        sessions[place].last = max(sessions[place].last, at)
        if sessions[place].user == nil { sessions[place].user = user().map(StorableText.storable) }
        return true
    }

    /// Notes a message at that time in a session.
    mutating func note(_ session: LogMessage.Session, at: Timestamp) {
        guard !note(session.id, at: at, user: { session.user }) else { return }
        places[session.id] = sessions.count
        var replaced = false
        func storable(_ text: String) -> String {
            guard let repaired = StorableText.repaired(text) else { return text }
            replaced = true
            return repaired
        }
        var row = Session(
            id: session.id, platform: storable(session.platform), account: storable(session.account),
            conversation: storable(session.conversation), user: session.user.map(storable), first: at, last: at,
            thread: session.thread.map(storable))
        row.replaced = replaced
        sessions.append(row)
    }
}
