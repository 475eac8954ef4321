/// Runs the jobs of one actor on one thread of its own, so that a blocking C call stalls nobody else.
///
/// Give it to an actor that wraps a blocking library (`libpq`, `sqlite3`) and return it from `unownedExecutor`. Jobs run
/// one at a time in the order they were enqueued. The thread starts with the executor and ends once the executor is
/// released and every job already enqueued has run; nobody joins it. All signals are blocked on it, so that a
/// process-wide handler is never run in the middle of C code.
public final class ThreadExecutor: SerialExecutor {
    private let queue: JobQueue

    /// Starts the thread.
    ///
    /// - Parameter name: Shown by `top -H` and debuggers; Linux keeps the first 15 bytes (`comm` in `proc(5)`).
    public init(name: String) {
        queue = JobQueue()
        let queue = queue
        BackgroundThread.start(name: name) { queue.runUntilStopped() }
    }

    deinit {
        queue.stop()
    }

    /// Appends a job; callable from any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        queue.append(UnownedJob(job), of: self)
    }

    /// Tells the runtime whether the caller already runs on this executor's thread, for `assumeIsolated`.
    public func checkIsolated() {
        precondition(queue.isCurrentThread, "Called from outside this executor's thread")
    }

    /// Answers, without trapping, whether the caller runs on this executor's thread.
    public func isIsolatingCurrentContext() -> Bool? {
        queue.isCurrentThread
    }
}
