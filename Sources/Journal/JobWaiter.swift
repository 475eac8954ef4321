internal import EventLoop

/// Counts the jobs that wait in a queue of this process, and lets its one logger wait until there are enough.
///
/// Unchecked: it belongs to its loop's thread, and is only touched there.
final class JobWaiter: @unchecked Sendable {
    private let loop: EventLoop
    private var waiter: (count: Int, continuation: CheckedContinuation<Void, Never>)?

    /// Jobs that may be claimed.
    var jobs = 0 {
        didSet { wake() }
    }
    /// True once nothing can be claimed any more.
    var isEnded = false {
        didSet { wake() }
    }

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Returns when so many jobs wait, when the time is over, when the queue has ended or the task is cancelled.
    func wait(for count: Int, atMost duration: Duration) async {
        loop.preconditionCurrent()
        guard jobs < count, !isEnded, duration > .zero, !Task.isCancelled else { return }
        precondition(waiter == nil, "one logger claims at a time")
        let timer = LoopTimer(on: loop) { [weak self] in self?.wake(always: true) }
        timer.schedule(after: duration)
        let loop = loop
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter = (count, $0) }
        } onCancel: {
            // May come while the waiter is being set: next turn, on the loop.
            loop.execute { [weak self] in self?.wake(always: true) }
        }
        timer.cancel()
    }

    private func wake(always: Bool = false) {
        guard let waiter, always || isEnded || jobs >= waiter.count else { return }
        self.waiter = nil
        waiter.continuation.resume()
    }
}
