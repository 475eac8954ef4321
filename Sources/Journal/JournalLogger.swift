internal import BridgeCore
public import EventLoop
internal import Failpoints
public import Telemetry
public import Tracing

/// The logger: takes jobs from the queue in batches and writes them to the store, so that each is there exactly once.
///
/// While the store commits one batch, the next is claimed and decoded, and written too where the store has room; with a backlog
/// the one behind it is claimed already. A batch ends (its jobs are deleted from the queue) after
/// its commit, never before; while the store is away it stays claimed and is tried again. A job that nobody can read or that
/// the database refuses becomes a dead letter with its error, and the others go on.
///
/// Pinned to a loop. The states of a job are drawn in docs/state-machines.md.
public actor JournalLogger {
    /// How much at a time and how often.
    public struct Configuration: Sendable {
        /// The batch at usual load, `LOG_BATCH`.
        public var batch: Int
        /// The batch while a backlog stands: a commit costs the same for many.
        public var largestBatch: Int
        /// How long a batch waits for more jobs at low load, `LOG_FLUSH_MS`.
        public var flush: Duration
        /// The first pause while the store or the queue is away; it doubles up to ``longestPause``, with chance in it.
        public var firstPause: Duration = .milliseconds(100)
        /// The longest pause.
        public var longestPause: Duration = .seconds(5)
        /// How long news of a message's status wait for a message that is not in the store, before they are dead letters.
        public var patience: Duration = .seconds(30)
        /// Names the logger in dead letters.
        public var name: String

        /// A configuration.
        public init(batch: Int = 500, flush: Duration = .milliseconds(50), name: String = "logger") {
            self.batch = max(1, batch)
            largestBatch = max(2000, batch)
            self.flush = flush
            self.name = name
        }
    }

    /// The loop that the logger runs on.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let queue: any JobQueue
    let store: any JournalStore
    let configuration: Configuration
    let log: Log
    let metrics: JournalLoggerMetrics
    /// Tells of each commit; nil: nobody traces.
    let tracer: Tracer?
    private var limit: Int
    private var isStopping = false
    private var stopsWhenEmpty = false
    var isAbandoned = false
    private var claiming: Task<Void, Never>?
    /// The claim that is made while the batch before it is read and waits for its turn.
    private var ahead: Claim?
    /// The batches that are being written, oldest first, and whether each holds news of messages.
    private var writing: [(task: Task<Void, Never>, hasNews: Bool)] = []
    /// How long to leave the queue alone: it holds nothing but what was given back to it.
    private(set) var pauseBeforeClaim = Duration.zero
    /// Of the lines about jobs of a later format.
    var laterFormat = OnceAMinute()
    /// Since when jobs wait for the message that they tell of.
    var deferredSince: [UUID: ContinuousClock.Instant] = [:]

    /// A logger between a queue and a store; see ``run()``.
    public init(
        loop: EventLoop, queue: any JobQueue, store: any JournalStore, configuration: Configuration = Configuration(),
        log: Log = .silent, metrics: Metrics = Metrics(), tracer: Tracer? = nil
    ) {
        self.loop = loop
        self.queue = queue
        self.store = store
        self.configuration = configuration
        self.log = log
        self.metrics = JournalLoggerMetrics(metrics)
        self.tracer = tracer
        limit = configuration.batch
    }

    /// Jobs that are in the store because of this logger, those included that were there before.
    public var written: Int { metrics.written.value }

    /// Jobs filed as dead letters.
    public var dead: Int { metrics.dead.value }

    /// Works until ``stop(whenEmpty:)``, or until its task is cancelled, which is the same as ``abandon()``.
    public func run() async {
        await withTaskCancellationHandler {
            while let batch = await nextBatch() {
                // News of a message must find it committed: such a batch is written alone.
                let hasNews = batch.jobs.hasNews
                await finishWriting(toBelow: hasNews || writing.contains(where: \.hasNews) ? 1 : store.writers)
                guard !isAbandoned else { break }
                let earlier = writing.last?.task
                writing.append((loop.spawn(on: self) { await $0.write(batch, after: earlier) }, hasNews))
            }
            await finishWriting(toBelow: 1)
            await ahead?.task?.value
            await queue.retire()
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.abandon() } }
        }
    }

    /// Waits until fewer batches than so many are being written.
    private func finishWriting(toBelow count: Int) async {
        while writing.count >= count, let oldest = writing.first {
            await oldest.task.value
            writing.removeFirst()
        }
    }

    /// Ends ``run()`` after the batch in hand is written.
    ///
    /// - Parameter whenEmpty: goes on until the queue is empty; for a queue that ends with the process.
    public func stop(whenEmpty: Bool = false) {
        isStopping = true
        stopsWhenEmpty = whenEmpty
        claiming?.cancel()
    }

    /// Ends ``run()`` now: what is not committed yet stays in the queue for another logger.
    public func abandon() {
        isAbandoned = true
        isStopping = true
        stopsWhenEmpty = false
        claiming?.cancel()
        for batch in writing { batch.task.cancel() }
    }

    // MARK: Claiming

    /// A claim with its jobs read.
    struct Batch: Sendable {
        var claim: ClaimedJobs
        /// When it was asked for, and whether there may be more of its kind.
        var asked = ContinuousClock.now
        var isFull = false
        /// The jobs for the store.
        var jobs: JournalBatch
        /// Where each of `jobs` stands in the claim.
        var places: [Int] = []
        var dead: [[UInt8]] = []
        /// Jobs of a later version of the format.
        var returned: [[UInt8]] = []
    }

    /// The next jobs; nil when the logger stops.
    private func nextBatch() async -> Batch? {
        while !isStopping || stopsWhenEmpty || ahead != nil {
            let (found, wasAhead) = (ahead ?? startClaim(), ahead != nil)
            ahead = nil
            await found.task?.value
            if let claim = found.claim {
                Failpoint.reach("logger.claimed")
                // A full claim means that more waits: Redis gets it ready while this one is read.
                if found.isFull, !isStopping, pauseBeforeClaim == .zero { ahead = startClaim() }
                var batch = await decoded(claim)
                (batch.asked, batch.isFull) = (found.asked, found.isFull)
                return batch
            }
            // A claim ahead that a stop cut short does not say that the queue is empty.
            if found.isClosed || (isStopping && !found.isFailed && !wasAhead) { return nil }
        }
        return nil
    }

    /// What a task that claims came to; touched on the loop alone.
    private final class Claim: @unchecked Sendable {
        var task: Task<Void, Never>?
        var claim: ClaimedJobs?
        var asked = ContinuousClock.now
        var isFull = false
        var isClosed = false
        var isFailed = false
    }

    /// In a task of its own, so that a stop ends its wait and nothing else.
    private func startClaim() -> Claim {
        let found = Claim()
        let task = loop.spawn(on: self) { await $0.claim(into: found) }
        found.task = task
        claiming = task
        if isStopping { task.cancel() }
        return found
    }

    private func claim(into result: Claim) async {
        var pause = configuration.firstPause
        if pauseBeforeClaim > .zero { try? await loop.sleep(for: pauseBeforeClaim) }
        while true {
            do {
                result.isFailed = false
                result.asked = .now
                let claim = try await queue.claim(
                    limit: limit, linger: isStopping ? .zero : configuration.flush,
                    wait: isStopping ? .zero : .seconds(1))
                // A full claim means that more waits; then a commit shall carry more.
                let isFull = (claim?.jobs.count ?? 0) >= limit
                limit = isFull ? min(limit * 2, configuration.largestBatch) : configuration.batch
                result.claim = claim
                result.isFull = isFull
                return
            } catch {
                result.isFailed = true
                result.isClosed = error.code == .closed
                if result.isClosed { return }
                log.warning("the log queue cannot be read", ["error": error.description])
                do { try await loop.sleep(for: jittered(pause)) } catch { return }
                pause = min(pause * 2, configuration.longestPause)
            }
        }
    }

    private func decoded(_ claim: ClaimedJobs) async -> Batch {
        var batch = Batch(
            claim: claim, jobs: JournalBatch(takesRows: store.takesRows, for: claim.jobs))
        batch.places.reserveCapacity(claim.jobs.count)
        for (place, bytes) in claim.jobs.enumerated() {
            do {
                try batch.jobs.append(bytes)
                batch.places.append(place)
            } catch {
                if case .newerVersion = error {
                    batch.returned.append(bytes)
                } else {
                    batch.dead.append(deadLetter(bytes, error: error.description))
                }
            }
            // The loop may serve a bridge too: some 100 µs at a time.
            if place & 63 == 63 { await Task.yield() }
        }
        return batch
    }

    /// Takes note of how much of a claim was given back, and lets the next wait accordingly.
    ///
    /// Where the queue holds nothing but such jobs, longer each time. Where there may be others behind them (a bridge is newer
    /// than this logger, and the queue is full of its jobs), four times what it took to pass them by: the others come to their
    /// turn, and no more than a fifth of the time goes into looking.
    func note(returned: Int, of batch: Batch) {
        let count = batch.claim.jobs.count
        // What is left can only be given back again.
        if returned == count, isStopping { stopsWhenEmpty = false }
        if returned == count, !batch.isFull {
            pauseBeforeClaim = min(max(pauseBeforeClaim * 2, .milliseconds(100)), .seconds(2))
        } else if batch.isFull, returned > count / 10 * 9 {
            pauseBeforeClaim = min((ContinuousClock.now - batch.asked) * 4, .seconds(2))
        } else {
            pauseBeforeClaim = .zero
        }
    }

    /// Between half of the pause and all of it, so that loggers do not come back in step.
    func jittered(_ pause: Duration) -> Duration {
        pause * Double.random(in: 0.5...1)
    }
}
