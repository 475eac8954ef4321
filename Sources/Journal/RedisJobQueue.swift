internal import BridgeCore
public import EventLoop
public import Redis
public import Telemetry

/// The queue in Redis: a list that bridges push to, and for each claim of a logger a list of its own.
///
/// A claim moves jobs from the queue to a claimed list in one script and deletes that list when the batch is committed, so a
/// logger may die at any instant. A logger shows by a lease that it lives; what a logger without a lease has claimed is taken
/// over by others. Its id, made anew for each run and whenever the lease was lost, is the fencing token: it is part of
/// the names of its lists, and a list that is taken over gets another name. See docs/decisions/log-path.md.
///
/// Pinned to a loop, as its clients are.
public actor RedisJobQueue: JobQueue {
    /// How jobs are taken.
    public enum Mode: Sendable {
        /// Claimed, and deleted after the commit: `LOG_CLAIM=reliable`.
        case reliable
        /// Popped: a batch in hand is lost with its logger: `LOG_CLAIM=brpop`.
        case brpop
    }

    /// Names and times.
    public struct Configuration: Sendable {
        /// `REDIS_PREFIX`.
        public var prefix: String
        /// `LOG_CLAIM`.
        public var mode: Mode
        /// What the logger's id begins with: a host's or container's name.
        public var name: String
        /// How long a logger that gives no sign of life keeps what it has claimed, `LEASE_MS`; it gives one each third of it.
        public var lease: Duration = .seconds(10)
        /// How long a command may go unanswered.
        public var timeout: Duration = .seconds(2)

        /// A configuration.
        public init(prefix: String = "chatbridge", mode: Mode = .reliable, name: String = "logger") {
            self.prefix = prefix
            self.mode = mode
            self.name = name
        }
    }

    /// The loop that the queue belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let client: RedisClient
    /// Blocking commands hold up all that is sent behind them on a connection: they have one of their own.
    let blockingClient: RedisClient?
    let configuration: Configuration
    let keys: RedisKeys
    let log: Log

    // The state below is internal for the sake of the extensions in other files alone.
    /// This run's name among the loggers, and its fencing token.
    var id: String
    var claims = 0
    /// The list of the claim that is being made: jobs may be in it of which we do not know yet.
    var uncertain: String?
    /// Lists that were taken over, oldest first, and how many of their jobs (counted from the head) are not handed out yet.
    var adopted: [(place: String, unclaimed: Int)] = []
    /// The lists of claims that are not finished.
    var inHand: Set<String> = []
    var leaseTask: Task<Void, Never>?
    var hasLease = false
    /// Whether there may be claimed lists that nobody knows of: those of an earlier run, or of a late command of ours.
    var mayHaveStrays = true
    var isRetired = false

    /// A queue.
    ///
    /// - Parameters:
    ///   - client: for all commands but the blocking ones.
    ///   - blockingClient: a connection that nobody else uses; nil where this process only pushes.
    public init(
        loop: EventLoop, client: RedisClient, blockingClient: RedisClient?,
        configuration: Configuration = Configuration(), log: Log = .silent
    ) {
        self.loop = loop
        self.client = client
        self.blockingClient = blockingClient
        self.configuration = configuration
        self.log = log
        keys = RedisKeys(prefix: configuration.prefix)
        id = RedisJobQueue.newID(configuration.name)
    }

    /// The logger's id as it is part of its keys.
    public var logger: String { id }

    // MARK: The bridge's side

    /// Adds jobs by one LPUSH.
    public func push(_ jobs: [[UInt8]]) async throws(JobQueueError) {
        guard !jobs.isEmpty else { return }
        var command = RedisCommand("LPUSH", keys.queue)
        command.reserveCapacity(jobs.reduce(0) { $0 + $1.count + 16 })
        command.append(contentsOf: jobs)
        _ = try await send(command)
    }

    /// The length of the queue.
    public func depth() async throws(JobQueueError) -> Int {
        try await send(["LLEN", keys.queue]).integer ?? 0
    }

    /// The number of dead letters.
    public func deadCount() async throws(JobQueueError) -> Int {
        try await send(["LLEN", keys.dead]).integer ?? 0
    }

    // MARK: The logger's side

    /// Takes the oldest jobs: first what was taken over from loggers that are gone, then from the queue.
    public func claim(limit: Int, linger: Duration, wait: Duration) async throws(JobQueueError) -> ClaimedJobs? {
        guard !isRetired else { throw JobQueueError(code: .closed, message: "this logger has ended") }
        switch configuration.mode {
        case .reliable: return try await claimReliably(limit: limit, linger: linger, wait: wait)
        case .brpop: return try await popUndisturbed(limit: limit, linger: linger, wait: wait)
        }
    }

    /// Ends a claim: its list is deleted, or shortened where it held more than the claim.
    public func finish(_ claim: ClaimedJobs, dead: [[UInt8]], returned: [[UInt8]]) async throws(JobQueueError) {
        let receipt = claim.receipt
        if receipt.place.isEmpty {
            if !dead.isEmpty { _ = try await send(RedisCommand("LPUSH", arguments: [Array(keys.dead.utf8)] + dead)) }
            if !returned.isEmpty { try await push(returned) }
            return
        }
        if !dead.isEmpty || !returned.isEmpty {
            let numbers = [receipt.remaining, dead.count].map { Array(String($0).utf8) }
            _ = try await run(
                Self.finish, keys: [receipt.place, keys.dead, keys.queue], arguments: numbers + dead + returned)
        } else if receipt.remaining == 0 {
            _ = try await send(["UNLINK", receipt.place])
        } else {
            // By what stays, not by what goes: doing it twice changes nothing.
            _ = try await send(["LTRIM", receipt.place, "0", String(receipt.remaining - 1)])
        }
        if receipt.remaining == 0 { inHand.remove(receipt.place) }
    }

    /// Gives up the lease: what is claimed and not finished is free for others at once.
    public func retire() async {
        isRetired = true
        leaseTask?.cancel()
        leaseTask = nil
        guard hasLease else { return }
        hasLease = false
        _ = try? await send(["DEL", keys.lease(of: id)])
        // The set's entry stays while lists may be left: it is how others learn of them.
        let mayHaveLists = !inHand.isEmpty || !adopted.isEmpty || uncertain != nil || mayHaveStrays
        if !mayHaveLists { _ = try? await send(["SREM", keys.loggers, id]) }
    }

    // MARK: Popping

    /// In a task that nobody cancels: what is popped is nowhere else, so the answer has to be waited for.
    private func popUndisturbed(
        limit: Int, linger: Duration, wait: Duration
    ) async throws(JobQueueError) -> ClaimedJobs? {
        let task = Task(executorPreference: loop) { () -> Result<ClaimedJobs?, JobQueueError> in
            do throws(JobQueueError) {
                return .success(try await self.pop(limit: limit, linger: linger, wait: wait))
            } catch {
                return .failure(error)
            }
        }
        return try await task.value.get()
    }

    private func pop(limit: Int, linger: Duration, wait: Duration) async throws(JobQueueError) -> ClaimedJobs? {
        var jobs = try await popMany(limit)
        if jobs.isEmpty {
            let reply = try await block(["BRPOP", keys.queue, RedisJobQueue.seconds(wait)], atMost: wait)
            guard let job = reply.array?.last?.bytes else { return nil }
            jobs.append(job)
        }
        if jobs.count < max(1, limit / 2), linger > .zero {
            try? await loop.sleep(for: linger)
            // The jobs in hand are nowhere else: whatever happens now, they go to the caller.
            jobs += (try? await popMany(limit - jobs.count)) ?? []
        }
        return ClaimedJobs(jobs: jobs, receipt: .init(place: "", remaining: 0))
    }

    private func popMany(_ count: Int) async throws(JobQueueError) -> [[UInt8]] {
        guard count > 0 else { return [] }
        let reply = try await send(["RPOP", keys.queue, String(count)])
        return reply.array?.compactMap(\.bytes) ?? []
    }

    // MARK: Commands

    func send(_ command: RedisCommand) async throws(JobQueueError) -> RedisValue {
        do {
            return try await client.send(command, timeout: configuration.timeout)
        } catch {
            throw JobQueueError(error)
        }
    }

    func run(_ script: RedisScript, keys: [String], arguments: [[UInt8]]) async throws(JobQueueError) -> RedisValue {
        do {
            return try await client.run(script, keys: keys, arguments: arguments, timeout: configuration.timeout)
        } catch {
            throw JobQueueError(error)
        }
    }

    /// Sends a command that waits on the server's side.
    func block(_ command: RedisCommand, atMost wait: Duration) async throws(JobQueueError) -> RedisValue {
        guard let blockingClient, wait >= .milliseconds(1) else { return .null }
        do {
            return try await blockingClient.send(command, timeout: wait + configuration.timeout)
        } catch {
            if error.code == .cancelled { return .null }
            throw JobQueueError(error)
        }
    }

    /// Waits for a job without claiming it.
    ///
    /// - Returns: false when none came.
    func waitForJob(atMost wait: Duration) async throws(JobQueueError) -> Bool {
        // The oldest job is taken and put back where it was, in one step: a wait that may be given up at any time.
        let job = try await block(
            ["BLMOVE", keys.queue, keys.queue, "RIGHT", "RIGHT", RedisJobQueue.seconds(wait)], atMost: wait)
        return !job.isNull
    }

    /// Whether there are jobs of loggers that are gone to be handed out.
    var hasAdopted: Bool { !adopted.isEmpty }

    /// A time as the blocking commands take it (Redis 6 and later take fractions; 0 would mean for ever).
    static func seconds(_ duration: Duration) -> String {
        let parts = duration.components
        let milliseconds = max(1, parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000)
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    static func newID(_ name: String) -> String {
        let clean = name.unicodeScalars.map { scalar in
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            return isPlain || "-_.".unicodeScalars.contains(scalar) ? Character(scalar) : "-"
        }
        let token = String(UInt64.random(in: .min ... .max), radix: 16)
        return "\(String(clean))-\(String(repeating: "0", count: 16 - token.count))\(token)"
    }
}

extension JobQueueError {
    /// What a failure of Redis means for the queue.
    init(_ error: RedisError) {
        // "OOM command not allowed when used memory > 'maxmemory'", from scripts within a longer text.
        let isFull = error.code == .server("OOM") || error.message.contains("OOM command not allowed")
        self.init(code: isFull ? .full : .unavailable, message: error.description)
    }
}
