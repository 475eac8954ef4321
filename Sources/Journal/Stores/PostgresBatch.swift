internal import BridgeCore
internal import Postgres

/// What one transaction writes to Postgres.
///
/// Sessions and rows are in the order of their ids, as in ``JournalRows`` and for the same reason.
struct PostgresBatch: Sendable {
    let sessions: [SessionTable.Session]
    let messages: MessageRows
    let changes: [StatusChanges.Change]

    /// What the logger has read.
    init(_ batch: JournalBatch) {
        self.init(batch.rows ?? MessageRows(), batch.others)
    }

    /// Jobs of a batch; their changes keep their places in it.
    init(_ jobs: ArraySlice<LogJob>) {
        self.init(MessageRows(capacity: jobs.count), zip(jobs.indices, jobs).map { ($0, $1) })
    }

    private init(_ rows: MessageRows, _ others: [(index: Int, job: LogJob)]) {
        var rows = rows
        var changes = StatusChanges()
        for (index, job) in others {
            switch job {
            case .message(let message): rows.append(message)
            case .status(let change): changes.add(change, at: index)
            case .receipt: preconditionFailure("the logger resolves receipts before they are written")
            }
        }
        rows.sort()
        sessions = rows.sessions.sorted
        messages = rows
        self.changes = changes.sorted
    }

    /// A session and a message that any working database takes.
    static var probe: PostgresBatch {
        PostgresBatch([LogJob.probe()])
    }

    /// The places of the changes whose message is not among those that were found.
    func deferred(_ found: PostgresRows) throws(PostgresError) -> [Int] {
        var ids: Set<PostgresUUID> = []
        for index in 0..<found.count {
            if let id = try found[index].uuid("id") { ids.insert(id) }
        }
        return changes.filter { !ids.contains($0.id.postgres) }.flatMap(\.indices).sorted()
    }
}
