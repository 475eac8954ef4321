public import BridgeCore
public import EventLoop
public import Telemetry

/// Turns the engine's messages into log jobs: finds their session, encodes them and hands them to the buffer.
///
/// Where the session is known, which is all but the first message of a conversation, `record(_:)` does it at once: two small
/// encodes a turn, no task. Otherwise the messages of that conversation wait in order while the directory asks; the answer
/// path never does.
///
/// Pinned to a loop, the same as its buffer's and directory's: the engine there calls it by `assumeIsolated`.
public actor JournalRecorder {
    /// The loop that the recorder belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let buffer: LogBuffer
    private let directory: SessionDirectory
    private let dropped: Counter
    private let limit: Int
    private var generator = UUIDGenerator()
    private var pending: [SessionKey: [LogJob]] = [:]
    /// The conversation that a pending message is of, so that news of its status stay behind it.
    private var pendingMessages: [UUID: SessionKey] = [:]
    private var pendingCount = 0
    private var idle: [CheckedContinuation<Void, Never>] = []

    /// The session id of messages that are not recorded yet.
    public static let unknownSession = UUID(high: 0, low: 0)

    /// A recorder.
    ///
    /// - Parameter limit: the most jobs that wait for their session; beyond, jobs are dropped and counted.
    public init(
        loop: EventLoop, buffer: LogBuffer, directory: SessionDirectory, limit: Int = 20_000,
        metrics: Metrics = Metrics()
    ) {
        precondition(buffer.loop === loop && directory.loop === loop, "recorder, buffer and directory share a loop")
        self.loop = loop
        self.buffer = buffer
        self.directory = directory
        self.limit = limit
        dropped = metrics.counter("chatbridge_log_jobs_dropped_total", help: "Log jobs lost to a stated limit.")
    }

    /// Records a message; the id of its `session` is filled in here, whatever it is.
    ///
    /// - Returns: the session, where it is known already.
    @discardableResult
    public func record(_ message: consuming LogMessage) -> UUID? {
        let key = SessionKey(message.session)
        let at = message.at
        if pending.isEmpty || pending[key] == nil {
            let candidate = generator.next(at: at)
            let session = directory.assumeIsolated(on: loop) { $0.lookup(key, at: at, candidate: candidate) }
            if let session {
                message.session.id = session
                append(.message(message))
                return session
            }
            guard pendingCount < limit else { return drop() }
            pending[key] = []
            loop.spawn(on: self) { await $0.resolve(key, at: at, candidate: candidate) }
        }
        guard pendingCount < limit else { return drop() }
        pendingMessages[message.id] = key
        pending[key]?.append(.message(message))
        pendingCount += 1
        return nil
    }

    /// Records news of a message's status, behind the message itself.
    public func record(_ change: LogStatusChange) {
        guard !pendingMessages.isEmpty, let key = pendingMessages[change.id] else { return append(.status(change)) }
        guard pendingCount < limit else { return _ = drop() }
        pending[key]?.append(.status(change))
        pendingCount += 1
    }

    /// Records news of messages by the platform's names for them.
    public func record(_ receipt: LogReceipt) {
        append(.receipt(receipt))
    }

    /// Records a job of any kind.
    public func record(_ job: LogJob) {
        switch job {
        case .message(let message): record(message)
        case .status(let change): record(change)
        case .receipt(let receipt): record(receipt)
        }
    }

    /// Encodes a job for somebody who hands it to the queue along with something else; a message's session is filled in.
    public func encode(_ job: LogJob) async -> [UInt8] {
        guard case .message(var message) = job else { return job.encoded() }
        let candidate = generator.next(at: message.at)
        message.session.id = await directory.resolve(
            SessionKey(message.session), at: message.at, candidate: candidate)
        return LogJob.message(message).encoded()
    }

    /// Takes jobs that are encoded already.
    public func append(encoded jobs: [[UInt8]]) {
        buffer.assumeIsolated(on: loop) { buffer in
            for job in jobs { buffer.append(job) }
        }
    }

    /// A conversation goes on under a new name; see ``SessionDirectory/alias(old:new:at:)``.
    public func alias(old: SessionKey, new: SessionKey, at: Timestamp) {
        directory.assumeIsolated(on: loop) { $0.alias(old: old, new: new, at: at) }
    }

    /// Returns when no message waits for its session any more; call it before the buffer's drain.
    public func drain() async {
        guard !pending.isEmpty else { return }
        await withCheckedContinuation { idle.append($0) }
    }

    private func resolve(_ key: SessionKey, at: Timestamp, candidate: UUID) async {
        let session = await directory.resolve(key, at: at, candidate: candidate)
        for job in pending.removeValue(forKey: key) ?? [] {
            pendingCount -= 1
            if case .message(var message) = job {
                message.session.id = session
                pendingMessages[message.id] = nil
                append(.message(message))
            } else {
                append(job)
            }
        }
        guard pending.isEmpty else { return }
        for continuation in idle { continuation.resume() }
        idle = []
    }

    private func append(_ job: LogJob) {
        let bytes = job.encoded()
        buffer.assumeIsolated(on: loop) { $0.append(bytes) }
    }

    private func drop() -> UUID? {
        dropped.increment()
        return nil
    }
}
