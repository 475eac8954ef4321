internal import BridgeCore
internal import JSON

/// A batch of jobs as the rows that they become, the same for every store.
///
/// Each session comes once and all rows are in the order of their ids, so that two loggers that write the same rows take
/// their locks in the same order and cannot deadlock.
struct JournalRows {
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

    /// The changes of one message's status, folded into one.
    struct StatusChange {
        var id: UUID
        var status: MessageStatus
        var metadata: [UInt8]
        /// The places of the jobs.
        var indices: [Int]
    }

    private(set) var sessions: [Session] = []
    private(set) var messages: [LogMessage] = []
    private(set) var changes: [StatusChange] = []

    /// Sorts a batch out.
    init(_ jobs: ArraySlice<LogJob>) {
        messages.reserveCapacity(jobs.count)
        var sessionPlaces: [UUID: Int] = [:]
        var changePlaces: [UUID: Int] = [:]
        for index in jobs.indices {
            switch jobs[index] {
            case .message(let message):
                add(session: message.session, at: message.at, &sessionPlaces)
                messages.append(message.storable)
            case .status(let change): add(change, index, &changePlaces)
            case .receipt: preconditionFailure("the logger resolves receipts before they are written")
            }
        }
        sessions.sort { $0.id < $1.id }
        changes.sort { $0.id < $1.id }
        // Ids of version 7 mostly come in order already.
        guard zip(messages, messages.dropFirst()).contains(where: { $0.id >= $1.id }) else { return }
        var order = messages.indices.sorted { (messages[$0].id, $0) < (messages[$1].id, $1) }
        // Of several with one id the first is kept: COPY, unlike ON CONFLICT, takes each id once.
        var last: UUID?
        order.removeAll { place in
            defer { last = messages[place].id }
            return messages[place].id == last
        }
        messages = order.map { messages[$0] }
    }

    private mutating func add(session: LogMessage.Session, at: Timestamp, _ places: inout [UUID: Int]) {
        if let place = places[session.id] {
            sessions[place].first = min(sessions[place].first, at)
            sessions[place].last = max(sessions[place].last, at)
            if sessions[place].user == nil, let user = session.user {
                sessions[place].user = StorableText.storable(user)
            }
            return
        }
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

    private mutating func add(_ change: LogStatusChange, _ index: Int, _ places: inout [UUID: Int]) {
        let metadata = StorableText.repaired(json: change.metadata).map(StorableText.marked) ?? change.metadata
        guard let place = places[change.id] else {
            places[change.id] = changes.count
            changes.append(StatusChange(id: change.id, status: change.status, metadata: metadata, indices: [index]))
            return
        }
        let earlier = changes[place]
        changes[place].indices.append(index)
        if change.status.rank >= earlier.status.rank {
            changes[place].status = change.status
            changes[place].metadata = Self.merged(earlier.metadata, metadata)
        } else {
            changes[place].metadata = Self.merged(metadata, earlier.metadata)
        }
    }

    /// The members of two objects, the second's winning, as Postgres's `||` on `jsonb` has it.
    ///
    /// What cannot be read as an object gives way to the other; if neither can, the second is left for the database to refuse.
    static func merged(_ base: [UInt8], _ over: [UInt8]) -> [UInt8] {
        if base == LogMessage.noMetadata { return over }
        if over == LogMessage.noMetadata { return base }
        guard let first = try? JSONView(parsing: base), first.kind == .object else { return over }
        guard let second = try? JSONView(parsing: over), second.kind == .object else { return over }
        var replaced: Set<String> = []
        for (key, _) in second.members { replaced.insert(key) }
        var writer = JSONWriter(capacity: base.count + over.count)
        writer.object { object in
            for (key, value) in first.members where !replaced.contains(key) {
                object.key(key)
                object.value(value)
            }
            for (key, value) in second.members {
                object.key(key)
                object.value(value)
            }
        }
        return writer.bytes
    }
}

extension LogMessage {
    /// The message with everything replaced that a database cannot hold, and marked in its metadata if there was any.
    fileprivate var storable: LogMessage {
        var message = self
        var replaced = false
        func repair(_ text: inout String?) {
            guard let old = text, let new = StorableText.repaired(old) else { return }
            text = new
            replaced = true
        }
        repair(&message.text)
        repair(&message.sender)
        repair(&message.request)
        if let type = StorableText.repaired(message.type) {
            message.type = type
            replaced = true
        }
        if let attachments = StorableText.repaired(json: message.attachments) {
            message.attachments = attachments
            replaced = true
        }
        if let metadata = StorableText.repaired(json: message.metadata) {
            message.metadata = metadata
            replaced = true
        }
        if replaced { message.metadata = StorableText.marked(message.metadata) }
        return message
    }
}
