internal import BridgeCore
public import EventLoop
public import Telemetry

/// The queue of a cluster: one for each shard, all of which every logger serves.
///
/// A bridge pushes to one shard for as long as that answers, so that the order of what it logs is kept, and to the next where it
/// does not. A logger takes from the shards in turn, several in one batch where there is little in each; where all are empty it
/// waits at all of them, each on the server's side. A shard that is away holds nobody up.
///
/// Pinned to a loop, as its shards are.
public actor ShardedJobQueue: JobQueue {
    /// How many shards one push tries: each may take its time to fail, and the jobs can wait in the spool.
    private static let longestTry = 3
    /// The longest wait of one command at an empty shard.
    private static let longestWait = Duration.seconds(5)
    /// The pauses before a shard that was away is tried again.
    private static let pauses = (first: Duration.milliseconds(200), longest: Duration.seconds(2))

    /// A part of a claim: what one shard has given.
    struct Part {
        let shard: Int
        let claim: ClaimedJobs
    }

    /// What is known of a shard.
    private struct Standing {
        /// Whether there may be jobs.
        var isReady = true
        /// After a failure, when it is tried again.
        var restsUntil: ContinuousClock.Instant?
        var pause = ShardedJobQueue.pauses.first
        /// Ends of claims that it has not been told of: their jobs are in the store.
        var owed: [ClaimedJobs] = []
    }

    /// The loop that the queue belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let shards: [RedisJobQueue]
    private let log: Log
    private var standings: [Standing]
    /// Where this process pushes to.
    private var home: Int
    /// Whose turn it is to give.
    private var turn: Int
    private var claims: [String: [Part]] = [:]
    private var number = 0
    private var watchers: [Task<Void, Never>?]
    /// Counts the jobs-are-there of all shards, so that one waiter serves them.
    private let bell: JobWaiter
    private var isRetired = false
    private var awayLine = OnceAMinute()

    /// A queue over these shards, of which all processes have the same.
    public init(loop: EventLoop, shards: [RedisJobQueue], log: Log = .silent) {
        precondition(!shards.isEmpty, "a queue has a shard")
        self.loop = loop
        self.shards = shards
        self.log = log
        standings = Array(repeating: Standing(), count: shards.count)
        watchers = Array(repeating: nil, count: shards.count)
        home = Int.random(in: 0..<shards.count)
        turn = Int.random(in: 0..<shards.count)
        bell = JobWaiter(loop: loop)
    }

    // MARK: The bridge's side

    /// Adds jobs to one shard: the one that took the last, or else the next that answers.
    public func push(_ jobs: [[UInt8]]) async throws(JobQueueError) {
        var failure = JobQueueError(code: .unavailable, message: "no shard of the log queue answers")
        for _ in 0..<min(ShardedJobQueue.longestTry, shards.count) {
            let shard = home
            do throws(JobQueueError) {
                return try await shards[shard].push(jobs)
            } catch {
                failure = error
                if home == shard { home = (shard + 1) % shards.count }
            }
        }
        throw failure
    }

    /// The jobs that wait in all shards.
    public func depth() async throws(JobQueueError) -> Int {
        var count = 0
        for shard in shards { count += try await shard.depth() }
        return count
    }

    /// The dead letters of all shards.
    public func deadCount() async throws(JobQueueError) -> Int {
        var count = 0
        for shard in shards { count += try await shard.deadCount() }
        return count
    }

    // MARK: The logger's side

    /// Takes the oldest jobs of the shards that have some, in turn.
    public func claim(limit: Int, linger: Duration, wait: Duration) async throws(JobQueueError) -> ClaimedJobs? {
        guard !isRetired else { throw JobQueueError(code: .closed, message: "this logger has ended") }
        await tellOwed()
        var parts = try await sweep(limit)
        if parts.isEmpty {
            guard await waitForAny(atMost: wait), !isRetired else { return nil }
            // Cut short when the logger stops; what is there is its last batch then.
            if linger > .zero { try? await loop.sleep(for: linger) }
            parts = try await sweep(limit)
        } else if linger > .zero, ShardedJobQueue.count(parts) < max(1, limit / 2) {
            try? await loop.sleep(for: linger)
            parts += (try? await sweep(limit - ShardedJobQueue.count(parts))) ?? []
        }
        guard !parts.isEmpty else { return nil }
        number += 1
        let place = "shards:\(number)"
        claims[place] = parts
        return ClaimedJobs(jobs: parts.flatMap(\.claim.jobs), receipt: .init(place: place, remaining: 0))
    }

    private static func count(_ parts: [Part]) -> Int { parts.reduce(0) { $0 + $1.claim.jobs.count } }

    /// Claims from each shard that may have jobs, beginning behind the one that was served last.
    ///
    /// - Throws: where no shard could be asked.
    private func sweep(_ limit: Int) async throws(JobQueueError) -> [Part] {
        var parts: [Part] = []
        var missing = limit
        var failure: JobQueueError?
        var answered = 0
        for offset in 0..<shards.count {
            let shard = (turn + offset) % shards.count
            guard standings[shard].isReady || shards[shard].assumeIsolated({ $0.hasAdopted }) else {
                answered += 1
                continue
            }
            if let rest = standings[shard].restsUntil, ContinuousClock.now < rest { continue }
            do throws(JobQueueError) {
                let claim = try await shards[shard].claim(limit: missing, linger: .zero, wait: .zero)
                answered += 1
                standings[shard].restsUntil = nil
                standings[shard].pause = ShardedJobQueue.pauses.first
                if let claim {
                    parts.append(Part(shard: shard, claim: claim))
                    missing -= claim.jobs.count
                }
                if missing > 0 { watch(shard) }
            } catch {
                // A stop has cut it short.
                if Task.isCancelled { break }
                failure = error
                rest(shard, after: error)
            }
            guard missing > 0 else {
                turn = (shard + 1) % shards.count
                return parts
            }
        }
        turn = (turn + 1) % shards.count
        if let failure, answered == 0, parts.isEmpty { throw failure }
        return parts
    }

    private func rest(_ shard: Int, after error: JobQueueError) {
        let pause = standings[shard].pause
        standings[shard].restsUntil = .now + pause * Double.random(in: 0.5...1)
        standings[shard].pause = min(pause * 2, ShardedJobQueue.pauses.longest)
        guard awayLine.isDue() else { return }
        log.warning(
            "a shard of the log queue is away: the others are served",
            ["shard": String(shard), "error": error.description])
    }

    /// - Returns: whether there may be jobs now.
    private func waitForAny(atMost wait: Duration) async -> Bool {
        // One that rests is to be tried when its pause is over, and one that took something over rings no bell.
        let areAllWatched = standings.allSatisfy { $0.restsUntil == nil && $0.owed.isEmpty }
        bell.jobs = standings.count { $0.isReady && $0.restsUntil == nil }
        await bell.wait(for: 1, atMost: areAllWatched ? wait : min(wait, ShardedJobQueue.pauses.first))
        return bell.jobs > 0
    }

    /// Waits for the next job of a shard that has none, in a task besides.
    private func watch(_ shard: Int) {
        standings[shard].isReady = false
        guard watchers[shard] == nil, !isRetired else { return }
        let queue = shards[shard]
        watchers[shard] = loop.spawn(on: self) { sharded in
            while !Task.isCancelled, !sharded.standings[shard].isReady {
                do throws(JobQueueError) {
                    guard try await queue.waitForJob(atMost: ShardedJobQueue.longestWait) else { continue }
                    sharded.standings[shard].isReady = true
                } catch {
                    // Away, or without memory to say so: it is asked directly.
                    sharded.standings[shard].isReady = true
                    sharded.rest(shard, after: error)
                }
            }
            sharded.watchers[shard] = nil
            sharded.bell.jobs += 1
        }
    }

    // MARK: The end of a claim

    /// Ends a claim in all shards that have a part of it.
    ///
    /// Dead letters and jobs that go back are filed in the first of them, which must answer. The others may be away: their jobs
    /// are in the store, and they are told later.
    public func finish(_ claim: ClaimedJobs, dead: [[UInt8]], returned: [[UInt8]]) async throws(JobQueueError) {
        let place = claim.receipt.place
        guard let parts = claims[place], let first = parts.first else { return }
        if !dead.isEmpty || !returned.isEmpty {
            try await shards[first.shard].finish(first.claim, dead: dead, returned: returned)
        } else {
            standings[first.shard].owed.append(first.claim)
        }
        claims[place] = nil
        for part in parts.dropFirst() { standings[part.shard].owed.append(part.claim) }
        await tellOwed()
    }

    /// Ends claims in the order in which they were made; a shard that does not answer hears of them later.
    private func tellOwed() async {
        for shard in shards.indices {
            if let rest = standings[shard].restsUntil, ContinuousClock.now < rest { continue }
            while let claim = standings[shard].owed.first {
                do throws(JobQueueError) {
                    try await shards[shard].finish(claim, dead: [], returned: [])
                } catch {
                    rest(shard, after: error)
                    break
                }
                // Another call may have told it meanwhile.
                if standings[shard].owed.first?.receipt == claim.receipt { standings[shard].owed.removeFirst() }
            }
        }
    }

    /// Ends this process's part as a logger in all shards.
    public func retire() async {
        await tellOwed()
        isRetired = true
        for watcher in watchers { watcher?.cancel() }
        bell.isEnded = true
        let ends = shards.map { shard in loop.spawn(on: shard) { await $0.retire() } }
        for end in ends { await end.value }
    }
}
