public import EventLoop
public import Telemetry

/// Takes log jobs from the engine at the cost of an array's append, and pushes them to the queue in batches.
///
/// The answer path never waits for it: ``append(_:)`` is synchronous and everything else happens in one task besides. One push
/// is in flight at a time, so order is kept. When the queue is away (no connection, no answer, no memory) jobs go to the spool,
/// and everything after them too until the spool has been replayed; then they go directly again. Memory is bounded: beyond
/// the limit jobs go to the spool even while a push is still unanswered, and without a spool the oldest are dropped and counted.
///
/// Pinned to a loop: the engine on the same loop calls it by `assumeIsolated`. Release it on the loop.
public actor LogBuffer {
    /// When to push and how much to keep.
    public struct Configuration: Sendable {
        /// How long the first job waits for others: one push, and one wake-up, serves them all.
        public var linger: Duration = .milliseconds(20)
        /// As many jobs are pushed at once and at most together.
        public var batchJobs = 500
        /// As many bytes are pushed at once and at most together.
        public var batchBytes = 256 << 10
        /// Beyond so many bytes in memory, jobs go to the spool.
        public var memoryBytes = 16 << 20
        /// The first pause before the queue is tried again after a failure; it doubles up to ``longestPause``.
        public var firstPause: Duration = .milliseconds(100)
        /// The longest pause between two tries.
        public var longestPause: Duration = .seconds(2)

        /// The defaults.
        public init() {}
    }

    /// The loop that the buffer belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let queue: any JobQueue
    let spool: Spool?
    let configuration: Configuration
    let log: Log
    var metrics: LogBufferMetrics

    // The state below is internal for the sake of `LogBuffer+pump.swift` alone.
    var waiting: [[UInt8]] = []
    var waitingBytes = 0
    /// The jobs of the push that has not been answered yet.
    var inFlight: [[UInt8]] = []
    var inFlightBytes = 0
    /// Whether `inFlight` came from the spool, or was written to it meanwhile.
    var inFlightIsSpooled = false
    /// The jobs that the spool's thread is writing.
    var spooling = 0
    var spoolingBytes = 0
    var isSpooling = false
    var isPumping = false
    var isDraining = false
    /// Whether the jobs that wait have lingered already.
    var isFirstRound = false
    /// Whether jobs go to the spool instead of the queue.
    var isDiverted = false
    /// Whether the operator has been told that the queue is away.
    var isAwayReported = false
    var nextTry = ContinuousClock.now
    var nextSpoolTry = ContinuousClock.now
    var pause: Duration
    var spoolStatus = Spool.Status()
    private var timer: LoopTimer?
    /// Until the spool folder could be looked at.
    private var openTimer: LoopTimer?
    /// Jobs dropped since the last line about it.
    private var untoldDrops = 0
    private var dropLine = OnceAMinute()
    private var openLine = OnceAMinute()
    var spoolLine = OnceAMinute()
    /// Runs while a push is under way.
    var stall: LoopTimer?
    private var isLingering = false

    /// A push without an answer for so long is taken to hang.
    static let stallDelay = Duration.seconds(1)
    /// For how long a process that ends tries a queue that is away.
    private static let longestTryAtTheEnd = Duration.seconds(2)

    /// A buffer in front of a queue.
    ///
    /// - Parameters:
    ///   - spool: where jobs wait when the queue is away; nil keeps them in memory up to the limit.
    ///   - metrics: where the buffer's series are registered.
    public init(
        loop: EventLoop, queue: any JobQueue, spool: Spool?, configuration: Configuration = Configuration(),
        log: Log = .silent, metrics: Metrics = Metrics()
    ) {
        self.loop = loop
        self.queue = queue
        self.spool = spool
        self.configuration = configuration
        self.log = log
        self.metrics = LogBufferMetrics(metrics)
        pause = configuration.firstPause
    }

    /// Looks into the spool folder: what an earlier process left there is pushed before anything new.
    ///
    /// When it cannot be looked at now (no descriptor is free, a disk is being mounted), it is tried again.
    public func start() async {
        guard let spool else { return }
        do {
            note(try await spool.open())
            openTimer = nil
        } catch {
            if openLine.isDue() {
                log.error("the spool cannot be looked at: it is tried again", ["error": error.description])
            }
            note(await spool.status)
            let timer = LoopTimer(on: loop) { [weak self, loop] in
                guard let self else { return }
                loop.spawn(on: self) { await $0.start() }
            }
            timer.schedule(after: configuration.longestPause)
            openTimer = timer
        }
        guard spoolStatus.records > 0 else { return }
        log.info("log jobs of an earlier run wait in the spool", ["jobs": String(spoolStatus.records)])
        isDiverted = true
        startPump()
    }

    /// Takes one encoded job.
    ///
    /// Costs an append; never fails, never waits.
    public func append(_ job: [UInt8]) {
        waiting.append(job)
        waitingBytes += job.count
        if waitingBytes + inFlightBytes > configuration.memoryBytes { overflow() }
        if isPumping { return }
        if waiting.count >= configuration.batchJobs || waitingBytes >= configuration.batchBytes {
            startPump()
        } else if !isLingering, !isDiverted || spool != nil {
            schedule(after: configuration.linger, isLinger: true)
        }
    }

    /// Jobs in memory, pushed or not, that the queue has not confirmed.
    public var depth: Int { waiting.count + spooling + (inFlightIsSpooled ? 0 : inFlight.count) }

    /// Bytes in the spool.
    public var spoolBytes: Int { spoolStatus.bytes }

    /// Jobs in the spool.
    public var spoolDepth: Int { spoolStatus.records }

    /// Jobs lost to a limit or an unreadable disk.
    public var dropped: Int { metrics.dropped.value }

    /// Whether jobs go to the spool at present.
    public var isSpoolInUse: Bool { isDiverted }

    /// Hands everything on before the process ends: to the queue, or else to the spool.
    ///
    /// A queue that was away is tried again for a moment, whatever its pause: it may be back, and then nothing is left behind
    /// that only the next start would find.
    ///
    /// - Parameter limit: how long the queue may take; the spool takes what is left then.
    public func drain(within limit: Duration) async {
        isDraining = true
        defer { isDraining = false }
        let end = ContinuousClock.now + limit
        let endOfTries = ContinuousClock.now + min(limit, LogBuffer.longestTryAtTheEnd)
        while depth > 0 || spoolStatus.records > 0, ContinuousClock.now < (isDiverted ? endOfTries : end) {
            if !isPumping {
                nextTry = .now
                startPump()
            }
            do { try await loop.sleep(for: .milliseconds(isDiverted ? 50 : 2)) } catch { break }
        }
        await spoolTheRest()
    }

    /// Puts jobs into the spool behind all that is there: what another part could not hand on before the process ends.
    public func spool(_ jobs: [[UInt8]]) async {
        waiting.append(contentsOf: jobs)
        waitingBytes += jobs.reduce(0) { $0 + $1.count }
        await spoolTheRest()
    }

    private func spoolTheRest() async {
        guard depth > 0, spool != nil else { return }
        isDiverted = true
        // A disk that is slower than this at the end of the process loses what it was given.
        let end = ContinuousClock.now + .seconds(5)
        while depth > 0, ContinuousClock.now < end {
            nextSpoolTry = .now
            await spoolWaiting(withInFlight: true)
            do { try await loop.sleep(for: .milliseconds(1)) } catch { break }
        }
    }

    // MARK: Timing

    /// Starts the one task that pushes, unless it runs.
    func startPump() {
        guard !isPumping else { return }
        isPumping = true
        isFirstRound = true
        timer?.cancel()
        isLingering = false
        loop.spawn(on: self) { await $0.pump() }
    }

    /// Starts the pump later, and at no other time that was set before.
    ///
    /// - Parameter isLinger: whether jobs wait for it; a timer for the next try gives way to theirs.
    func schedule(after delay: Duration, isLinger: Bool) {
        isLingering = isLinger
        if timer == nil {
            timer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.startPump() } }
        }
        timer?.schedule(after: delay)
    }

    // MARK: Limits

    /// Writes what waits to the spool beside a push that is under way.
    func spoolBeside() {
        guard spool != nil, !isSpooling, ContinuousClock.now >= nextSpoolTry else { return }
        isSpooling = true
        loop.spawn(on: self) { buffer in
            buffer.isSpooling = false
            await buffer.spoolWaiting(withInFlight: true)
        }
    }

    /// Memory is full: to the spool, past the push that is in flight; or drop the oldest.
    private func overflow() {
        if spool != nil, !isSpooling, ContinuousClock.now >= nextSpoolTry {
            if !isDiverted { divert(reason: "the queue is too slow") }
            spoolBeside()
        }
        // Also when the spool is being written: its disk may be slow. Twice the limit is the end.
        let limit = configuration.memoryBytes * (isSpooling ? 2 : 1)
        guard waitingBytes + inFlightBytes + spoolingBytes > limit else { return }
        dropOldest()
    }

    /// Drops an eighth of the limit at a time, so that an append costs little on average.
    private func dropOldest() {
        let target = waitingBytes - configuration.memoryBytes / 8
        var count = 0
        while count < waiting.count, waitingBytes > target {
            waitingBytes -= waiting[count].count
            count += 1
        }
        waiting.removeFirst(count)
        metrics.dropped.increment(by: count)
        untoldDrops += count
        guard dropLine.isDue() else { return }
        log.warning(
            "memory for log jobs is full: the oldest are dropped",
            ["jobs": String(untoldDrops), "total": String(metrics.dropped.value)])
        untoldDrops = 0
    }
}
