public import EventLoop
internal import SQLite

/// The queue of `chatbridge run` where nothing may be lost with the process: a table of ``InboxFile``.
///
/// What is pushed survives the end of the process (not the machine's: no `fsync`). Claims are kept in memory, since they
/// end with the process: what was claimed and not finished comes first in the next run. Pinned to a loop.
public actor SQLiteJobQueue: JobQueue {
    /// The loop that the queue belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private struct Claim {
        let receipt: ClaimedJobs.Receipt
        let numbers: ClosedRange<Int64>
        let count: Int
        let bytes: Int
    }

    private let file: InboxFile
    private let maximumBytes: Int
    private var claims: [Claim] = []
    private var claimsMade = 0
    /// Jobs up to this number are claimed or finished.
    private var claimedUpTo: Int64 = 0

    /// The queue in a file that is open.
    ///
    /// - Parameter maximumBytes: beyond so many bytes of jobs ``push(_:)`` throws `full`.
    public init(file: InboxFile, maximumBytes: Int = 256 << 20) {
        loop = file.loop
        self.file = file
        self.maximumBytes = maximumBytes
    }

    /// Adds jobs, all or none.
    public func push(_ jobs: [[UInt8]]) async throws(JobQueueError) {
        let held = await file.jobBytes
        guard held == 0 || held + jobs.reduce(0, { $0 + $1.count }) <= maximumBytes else {
            throw JobQueueError(code: .full, message: "\(file.path) holds \(held) bytes of log jobs")
        }
        do throws(SQLiteError) {
            try await file.write { transaction, tail throws(SQLiteError) in
                for job in jobs { try tail.append(job, transaction) }
            }
        } catch {
            throw Self.queueError(error)
        }
    }

    /// Takes the oldest jobs; returns nil at once when the task is cancelled.
    ///
    /// - Throws: `closed` after ``retire()``.
    public func claim(limit: Int, linger: Duration, wait: Duration) async throws(JobQueueError) -> ClaimedJobs? {
        await file.arrivals.wait(for: 1, atMost: wait)
        guard file.arrivals.jobs > 0, !file.arrivals.isEnded else { return try nothing() }
        await file.arrivals.wait(for: max(1, limit / 2), atMost: linger)
        guard !file.arrivals.isEnded else { return try nothing() }
        let start = claimedUpTo
        let found: [(number: Int64, job: [UInt8])]
        do throws(SQLiteError) {
            found = try await file.write { transaction, _ throws(SQLiteError) in
                try transaction.query(
                    "SELECT number, job FROM jobs WHERE number > ? ORDER BY number LIMIT ?",
                    [.integer(start), .integer(Int64(limit))]
                ).rows.compactMap {
                    guard case .integer(let number) = $0[0], case .blob(let job) = $0[1] else { return nil }
                    return (number, job)
                }
            }
        } catch {
            throw Self.queueError(error)
        }
        guard let first = found.first, let last = found.last, !file.arrivals.isEnded else { return try nothing() }
        claimedUpTo = last.number
        claimsMade += 1
        let receipt = ClaimedJobs.Receipt(place: String(claimsMade), remaining: 0)
        claims.append(
            Claim(
                receipt: receipt, numbers: first.number...last.number, count: found.count,
                bytes: found.reduce(0) { $0 + $1.job.count }))
        file.arrivals.jobs -= found.count
        return ClaimedJobs(jobs: found.map(\.job), receipt: receipt)
    }

    /// Ends a claim in one transaction.
    public func finish(_ claim: ClaimedJobs, dead: [[UInt8]], returned: [[UInt8]]) async throws(JobQueueError) {
        guard let known = claims.first(where: { $0.receipt == claim.receipt }) else { return }
        let numbers = known.numbers
        do throws(SQLiteError) {
            try await file.write { transaction, tail throws(SQLiteError) in
                try transaction.execute(
                    "DELETE FROM jobs WHERE number BETWEEN ? AND ?",
                    [.integer(numbers.lowerBound), .integer(numbers.upperBound)])
                try InboxFile.file(jobs: dead, transaction)
                for job in returned { try tail.append(job, transaction) }
            }
        } catch {
            throw Self.queueError(error)
        }
        claims.removeAll { $0.receipt == claim.receipt }
        await file.forget(bytes: known.bytes)
    }

    /// The number of jobs that wait.
    public func depth() -> Int { file.arrivals.jobs }

    /// The number of dead letters.
    public func deadCount() async throws(JobQueueError) -> Int {
        do throws(SQLiteError) {
            return try await file.write { transaction, _ throws(SQLiteError) in
                try transaction.query("SELECT count(*) AS count FROM dead_jobs").first?.int("count") ?? 0
            }
        } catch {
            throw Self.queueError(error)
        }
    }

    /// Lets go of what is claimed; from now on nothing can be claimed.
    public func retire() {
        file.arrivals.isEnded = true
        file.arrivals.jobs += claims.reduce(0) { $0 + $1.count }
        claims = []
    }

    private func nothing() throws(JobQueueError) -> ClaimedJobs? {
        if file.arrivals.isEnded { throw JobQueueError(code: .closed, message: "the queue has ended") }
        return nil
    }

    private static func queueError(_ error: SQLiteError) -> JobQueueError {
        switch error.code {
        case .closed: JobQueueError(code: .closed, message: error.description)
        case .diskFull: JobQueueError(code: .full, message: error.description)
        default: JobQueueError(code: .unavailable, message: error.description)
        }
    }
}
