public import EventLoop

/// The queue of `chatbridge run`, where bridge and logger are one process: a bounded list in memory.
///
/// What is in it ends with the process: at a stop, let the logger empty it, then ``retire()`` and put what ``takeAll()`` gives
/// into the spool. Pinned to a loop; call it there.
public actor MemoryJobQueue: JobQueue {
    /// The loop that the queue belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let maximumJobs: Int
    private let maximumBytes: Int
    private var jobs: [[UInt8]] = []
    /// The jobs before it are taken; they are let go of in one piece now and then.
    private var head = 0
    private var bytes = 0
    private(set) var claimed: [(receipt: ClaimedJobs.Receipt, jobs: [[UInt8]])] = []
    private var claims = 0
    private var deadLetters: [[UInt8]] = []
    private let arrivals: JobWaiter

    /// An empty queue.
    ///
    /// - Parameters:
    ///   - maximumJobs: the most jobs that wait; beyond, ``push(_:)`` throws `full`.
    ///   - maximumBytes: the most bytes that wait.
    public init(loop: EventLoop, maximumJobs: Int = 100_000, maximumBytes: Int = 64 << 20) {
        self.loop = loop
        self.maximumJobs = maximumJobs
        self.maximumBytes = maximumBytes
        arrivals = JobWaiter(loop: loop)
    }

    /// Adds jobs, all or none.
    public func push(_ jobs: [[UInt8]]) throws(JobQueueError) {
        let added = jobs.reduce(0) { $0 + $1.count }
        guard waiting + jobs.count <= maximumJobs, bytes + added <= maximumBytes || waiting == 0 else {
            throw JobQueueError(code: .full, message: "the queue holds \(waiting) jobs, \(bytes) bytes")
        }
        self.jobs.append(contentsOf: jobs)
        bytes += added
        arrivals.jobs = waiting
    }

    /// Takes the oldest jobs; returns nil at once when the task is cancelled.
    ///
    /// - Throws: `closed` after ``retire()``.
    public func claim(limit: Int, linger: Duration, wait: Duration) async throws(JobQueueError) -> ClaimedJobs? {
        await arrivals.wait(for: 1, atMost: wait)
        guard waiting > 0, !arrivals.isEnded else { return try nothing() }
        await arrivals.wait(for: max(1, limit / 2), atMost: linger)
        guard !arrivals.isEnded else { return try nothing() }
        let count = min(limit, waiting)
        let taken = Array(jobs[head..<head + count])
        head += count
        bytes -= taken.reduce(0) { $0 + $1.count }
        if head > 4096 || head == jobs.count {
            jobs.removeFirst(head)
            head = 0
        }
        arrivals.jobs = waiting
        claims += 1
        let receipt = ClaimedJobs.Receipt(place: String(claims), remaining: 0)
        claimed.append((receipt, taken))
        return ClaimedJobs(jobs: taken, receipt: receipt)
    }

    /// Ends a claim.
    public func finish(_ claim: ClaimedJobs, dead: [[UInt8]], returned: [[UInt8]]) throws(JobQueueError) {
        guard let index = claimed.firstIndex(where: { $0.receipt == claim.receipt }) else { return }
        claimed.remove(at: index)
        // The newest thousand: they are looked at by people, and memory is bounded.
        deadLetters.append(contentsOf: dead)
        if deadLetters.count > 1000 { deadLetters.removeFirst(deadLetters.count - 1000) }
        jobs.append(contentsOf: returned)
        bytes += returned.reduce(0) { $0 + $1.count }
        arrivals.jobs = waiting
    }

    /// The number of jobs that wait.
    public func depth() -> Int { waiting }

    /// The number of dead letters kept.
    public func deadCount() -> Int { deadLetters.count }

    /// The dead letters, oldest first.
    public func dead() -> [[UInt8]] { deadLetters }

    /// Puts what is claimed back in front; from now on nothing can be claimed.
    public func retire() {
        arrivals.isEnded = true
        let unfinished = claimed.flatMap(\.jobs)
        claimed = []
        jobs.replaceSubrange(..<head, with: unfinished)
        head = 0
        bytes += unfinished.reduce(0) { $0 + $1.count }
        arrivals.jobs = waiting
    }

    /// Empties the queue after the logger has ended.
    ///
    /// - Returns: all jobs that were not written, oldest first.
    public func takeAll() -> [[UInt8]] {
        let rest = Array(jobs[head...])
        jobs = []
        head = 0
        bytes = 0
        arrivals.jobs = 0
        return rest
    }

    private var waiting: Int { jobs.count - head }

    private func nothing() throws(JobQueueError) -> ClaimedJobs? {
        if arrivals.isEnded { throw JobQueueError(code: .closed, message: "the queue has ended") }
        return nil
    }
}
