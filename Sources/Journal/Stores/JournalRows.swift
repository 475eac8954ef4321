package import BridgeCore

/// A batch of jobs as the rows that they become.
///
/// Each session comes once and all rows are in the order of their ids, so that two loggers that write the same rows take
/// their locks in the same order and cannot deadlock.
struct JournalRows {
    let sessions: [SessionTable.Session]
    let messages: [LogMessage]
    let changes: [StatusChanges.Change]

    /// Sorts a batch out.
    init(_ jobs: ArraySlice<LogJob>) {
        var sessions = SessionTable()
        var changes = StatusChanges()
        var messages: [LogMessage] = []
        messages.reserveCapacity(jobs.count)
        for index in jobs.indices {
            switch jobs[index] {
            case .message(let message):
                sessions.note(message.session, at: message.at)
                messages.append(message.storable)
            case .status(let change): changes.add(change, at: index)
            case .receipt: preconditionFailure("the logger resolves receipts before they are written")
            }
        }
        self.sessions = sessions.sorted
        self.changes = changes.sorted
        self.messages = RowOrder(messages.lazy.map(\.id))?.places.map { messages[$0] } ?? messages
    }
}

/// The order in which rows are written: by their ids, and of several with one id the first alone.
struct RowOrder {
    /// The places of the rows.
    let places: [Int]

    /// - Returns: nil when the rows are in that order, as ids of version 7 mostly are.
    init?(_ ids: some RandomAccessCollection<UUID>) {
        guard zip(ids, ids.dropFirst()).contains(where: { $0 >= $1 }) else { return nil }
        let ids = Array(ids)
        var order = ids.indices.sorted { (ids[$0], $0) < (ids[$1], $1) }
        // COPY, unlike ON CONFLICT, takes each id once.
        var last: UUID?
        order.removeAll { place in
            defer { last = ids[place] }
            return ids[place] == last
        }
        places = order
    }
}

extension LogMessage {
    /// The message with everything replaced that a database cannot hold, and marked in its metadata if there was any.
    package var storable: LogMessage {
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
