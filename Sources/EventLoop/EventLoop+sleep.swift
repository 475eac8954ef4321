internal import Synchronization

extension EventLoop {
    /// Waits on the loop; unlike `Task.sleep` it starts no thread of the global pool.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    public func sleep(for duration: Duration) async throws {
        preconditionCurrent()
        let sleeper = Sleeper(loop: self)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { sleeper.start(after: duration, resuming: $0) }
        } onCancel: {
            // May come from any thread, and on the loop itself in the middle of another's work: next turn, on the loop.
            execute { sleeper.end(with: .failure(CancellationError())) }
        }
    }

    /// One sleep: resumes its continuation exactly once, by timer or by cancellation.
    private final class Sleeper: @unchecked Sendable {
        // Unchecked: touched on the loop alone; the cancellation handler only passes the reference on.
        private let loop: EventLoop
        private var timer: LoopTimer?
        private var continuation: CheckedContinuation<Void, any Error>?
        private var isEnded = false

        init(loop: EventLoop) {
            self.loop = loop
        }

        func start(after duration: Duration, resuming continuation: CheckedContinuation<Void, any Error>) {
            guard !isEnded, !Task.isCancelled else {
                isEnded = true
                continuation.resume(throwing: CancellationError())
                return
            }
            self.continuation = continuation
            let timer = LoopTimer(on: loop) { [unowned self] in end(with: .success(())) }
            timer.schedule(after: duration)
            self.timer = timer
        }

        func end(with result: Result<Void, any Error>) {
            guard !isEnded else { return }
            isEnded = true
            timer = nil
            continuation?.resume(with: result)
            continuation = nil
        }
    }
}
