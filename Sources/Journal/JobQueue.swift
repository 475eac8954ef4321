/// Where log jobs wait between the bridge and the logger.
///
/// A queue carries the bytes of jobs and does not look into them. What a logger has claimed stays with the queue until it is
/// finished, so that another logger can take it over where the queue outlives the process.
public protocol JobQueue: Sendable {
    /// Adds jobs.
    ///
    /// - Parameter jobs: encoded jobs, oldest first; at most 500 and 256 KiB at a time, a single larger job excepted.
    /// - Throws: `JobQueueError`. After any error the jobs may or may not be there: add them again, ids make it harmless.
    func push(_ jobs: [[UInt8]]) async throws(JobQueueError)

    /// Takes the oldest jobs into the caller's hands. One call at a time.
    ///
    /// - Parameters:
    ///   - limit: the most jobs to take; more may come only where earlier claims are recovered.
    ///   - linger: the longest wait for more, once there is a job; none when at least half of `limit` is there.
    ///   - wait: the longest wait for a first job.
    /// - Returns: the jobs, oldest first; nil when there were none within `wait`.
    func claim(limit: Int, linger: Duration, wait: Duration) async throws(JobQueueError) -> ClaimedJobs?

    /// Ends a claim: forgets its jobs, files some of them as dead letters and gives some back.
    ///
    /// Claims are finished in the order in which they were made. Finishing one twice changes nothing.
    ///
    /// - Parameters:
    ///   - dead: complete elements for the list of dead letters.
    ///   - returned: jobs that go back to the queue behind all others.
    func finish(_ claim: ClaimedJobs, dead: [[UInt8]], returned: [[UInt8]]) async throws(JobQueueError)

    /// The number of jobs that wait, not counting those claimed.
    func depth() async throws(JobQueueError) -> Int

    /// The number of dead letters.
    func deadCount() async throws(JobQueueError) -> Int

    /// Ends this process's part as a logger: ends a wait in ``claim(limit:linger:wait:)``, and lets others have at once
    /// what is still claimed. Jobs may still be pushed.
    func retire() async
}

/// Jobs in the hands of one logger.
public struct ClaimedJobs: Sendable {
    /// The jobs as they were pushed, oldest first.
    public let jobs: [[UInt8]]
    /// The queue's name for the claim.
    let receipt: Receipt

    /// Which jobs these are, for the queue.
    struct Receipt: Sendable, Hashable {
        /// The place where the claimed jobs are kept; empty where they are kept nowhere.
        var place: String
        /// How many jobs of that place are left once the claim is finished.
        var remaining: Int
    }
}

/// Why a queue could not do what it was asked for.
public struct JobQueueError: Error, Sendable, CustomStringConvertible {
    /// What to do now.
    public enum Code: Sendable {
        /// The queue is away or did not answer: the same may succeed later.
        case unavailable
        /// The queue has no room.
        case full
        /// The queue has ended: there will be no more jobs.
        case closed
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
