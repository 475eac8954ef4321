internal import EventLoop
internal import Inbox

/// What the inbox will say of an event that is being claimed while its answer is made already.
// Unchecked: it lives on the engine's loop alone.
final class PendingVerdict: @unchecked Sendable {
    private enum State {
        case open([CheckedContinuation<Void, Never>])
        /// Nil: the inbox is away.
        case known(InboxVerdict?)
    }

    private var state = State.open([])
    /// Whether somebody went on without it: then a later `duplicate` may be the event's own mark.
    private(set) var wasGivenUp = false
    /// When the inbox said it.
    private(set) var knownAt: ContinuousClock.Instant?

    /// The inbox has spoken; nil: it is away.
    func set(_ verdict: InboxVerdict?) {
        guard case .open(let waiting) = state else { return }
        state = .known(verdict)
        knownAt = .now
        for continuation in waiting { continuation.resume() }
    }

    /// What the inbox says, if it says so in time; nil: it is away, or too slow.
    func value(within limit: Duration, on loop: EventLoop) async -> InboxVerdict? {
        if case .known(let verdict) = state { return verdict }
        let timer = LoopTimer(on: loop) { [weak self] in self?.giveUpWaiting() }
        timer.schedule(after: limit)
        await withCheckedContinuation { continuation in
            guard case .open(let waiting) = state else { return continuation.resume() }
            state = .open(waiting + [continuation])
        }
        timer.cancel()
        if case .known(let verdict) = state { return verdict }
        wasGivenUp = true
        return nil
    }

    private func giveUpWaiting() {
        guard case .open(let waiting) = state else { return }
        state = .open([])
        for continuation in waiting { continuation.resume() }
    }
}
