import BridgeCore
import EventLoop

@testable import Journal

/// A queue whose reachability the test decides.
actor SwitchedQueue: JobQueue {
    enum Mode: Sendable {
        case up
        /// Refuses at once.
        case away
        /// Takes the jobs, and the answer never comes: the push fails after a while.
        case stopped(Duration)
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private(set) var pushes: [[String]] = []
    private(set) var mostInFlight = 0
    private var inFlight = 0
    var mode = Mode.up
    var delay = Duration.zero

    init(loop: EventLoop) {
        self.loop = loop
    }

    func set(_ mode: Mode) { self.mode = mode }
    func set(delay: Duration) { self.delay = delay }
    var jobs: [String] { pushes.flatMap { $0 } }

    func push(_ jobs: [[UInt8]]) async throws(JobQueueError) {
        inFlight += 1
        defer { inFlight -= 1 }
        mostInFlight = max(mostInFlight, inFlight)
        switch mode {
        case .up:
            if delay > .zero { try? await loop.sleep(for: delay) }
            pushes.append(jobs.map(text))
        case .away:
            throw JobQueueError(code: .unavailable, message: "not connected")
        case .stopped(let timeout):
            try? await loop.sleep(for: timeout)
            pushes.append(jobs.map(text))
            throw JobQueueError(code: .unavailable, message: "unanswered")
        }
    }

    func claim(limit: Int, linger: Duration, wait: Duration) async throws(JobQueueError) -> ClaimedJobs? { nil }
    func finish(_ claim: ClaimedJobs, dead: [[UInt8]], returned: [[UInt8]]) async throws(JobQueueError) {}
    func depth() async throws(JobQueueError) -> Int { jobs.count }
    func deadCount() async throws(JobQueueError) -> Int { 0 }
    func retire() async {}
}

/// A store in memory that keeps the contract: nothing twice, all or nothing, refusals named.
actor ListStore: JournalStore {
    private(set) var messages: [LogMessage] = []
    private(set) var changes: [LogStatusChange] = []
    private(set) var batches: [Int] = []
    private(set) var deferrals = 0
    nonisolated let writers: Int
    private var ids: Set<UUID> = []
    private var failures = 0
    private var refused: Set<String> = []
    private var isHeld = false
    private var held: [CheckedContinuation<Void, Never>] = []
    private var active: [SessionKey: UUID] = [:]

    init(writers: Int = 1) {
        self.writers = writers
    }

    func fail(_ times: Int) { failures = times }
    func refuse(text: String) { refused.insert(text) }
    func activate(_ session: UUID, for key: SessionKey) { active[key] = session }
    var heldWrites: Int { held.count }

    /// Writes wait until ``release()``.
    func hold() { isHeld = true }
    func release() {
        isHeld = false
        for continuation in held { continuation.resume() }
        held = []
    }

    /// Lets the write through that came last.
    func releaseLatest() { held.popLast()?.resume() }

    func write(_ jobs: [LogJob]) async throws(JournalStoreError) -> JournalWriteOutcome {
        if isHeld { await withCheckedContinuation { held.append($0) } }
        if failures > 0 {
            failures -= 1
            throw JournalStoreError(code: .unavailable, message: "away")
        }
        batches.append(jobs.count)
        var outcome = JournalWriteOutcome()
        for (index, job) in jobs.enumerated() {
            switch job {
            case .message(let message):
                if let text = message.text, refused.contains(text) {
                    outcome.rejections.append(.init(index: index, error: "refused"))
                } else if ids.insert(message.id).inserted {
                    messages.append(message)
                }
            case .status(let change):
                if ids.contains(change.id) { changes.append(change) } else { outcome.deferred.append(index) }
            case .receipt: outcome.rejections.append(.init(index: index, error: "not resolved"))
            }
        }
        deferrals += outcome.deferred.count
        return outcome
    }

    func activeSession(for key: SessionKey, since: Timestamp) async throws(JournalStoreError) -> UUID? { active[key] }

    func messages(named receipt: LogReceipt) async throws(JournalStoreError) -> [UUID] {
        messages.filter { $0.session.conversation == receipt.conversation && receipt.messages.contains($0.text ?? "") }
            .map(\.id)
    }
}

/// A registry that many directories share.
actor SharedRegistry: SessionRegistry {
    private var sessions: [SessionKey: UUID] = [:]
    private(set) var questions = 0
    private var isAway = false
    private var isHanging = false
    private var hanging: [CheckedContinuation<Void, Never>] = []

    func set(away: Bool) { isAway = away }
    func hang() { isHanging = true }
    func release() {
        isHanging = false
        for continuation in hanging { continuation.resume() }
        hanging = []
    }
    func known(_ key: SessionKey) -> UUID? { sessions[key] }

    func session(
        of key: SessionKey, at: Timestamp, candidate: UUID, replacing replaced: UUID?
    ) async throws(SessionRegistryError) -> UUID {
        questions += 1
        if isHanging { await withCheckedContinuation { hanging.append($0) } }
        if isAway { throw SessionRegistryError("away") }
        if let known = sessions[key], known != replaced { return known }
        sessions[key] = candidate
        return candidate
    }
}
