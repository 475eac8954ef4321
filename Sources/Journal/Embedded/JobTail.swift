package import SQLite

/// The end of the table of log jobs, for whoever adds some inside a transaction.
///
/// Unchecked: while a transaction runs it belongs to the database's thread, else to the loop.
package final class JobTail: @unchecked Sendable {
    /// The number of the next job.
    ///
    /// It only grows: a transaction that is rolled back leaves a gap and nothing else.
    private var next: Int64
    /// The jobs that this transaction has added.
    private(set) var added: [Int] = []

    init(next: Int64) {
        self.next = next
    }

    /// Adds a job behind all others.
    package func append(_ job: [UInt8], _ transaction: borrowing SQLiteTransaction) throws(SQLiteError) {
        try transaction.execute("INSERT INTO jobs (number, job) VALUES (?, ?)", [.integer(next), .blob(job)])
        next += 1
        added.append(job.count)
    }

    /// Forgets what a transaction has added.
    func takeAdded() -> [Int] {
        defer { added.removeAll(keepingCapacity: true) }
        return added
    }
}
