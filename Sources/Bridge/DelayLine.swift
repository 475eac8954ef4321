internal import EventLoop

/// Runs actions after one and the same delay, for many that wait at a time and are nearly all cancelled.
///
/// Since the delay is the same for all, they are due in the order in which they came: a list and one timer serve them, where a
/// timer each would cost more than the rest of a message's lane. Belongs to the loop's thread.
final class DelayLine {
    /// One who waits; forgotten by its owner's ``cancel()``.
    final class Entry {
        fileprivate let due: ContinuousClock.Instant
        fileprivate var action: (() -> Void)?

        fileprivate init(due: ContinuousClock.Instant, action: @escaping () -> Void) {
            self.due = due
            self.action = action
        }

        /// The action does not run any more.
        func cancel() { action = nil }
    }

    /// Entries that are due within this time of each other wake the loop once.
    private static let grain = Duration.milliseconds(10)

    private let delay: Duration
    private var entries: [Entry] = []
    /// The entries before it are done with.
    private var head = 0
    private var timer: LoopTimer?

    init(delay: Duration) {
        self.delay = delay
    }

    deinit {
        // Whoever owns the line may let go of it on another thread; the timer belongs to the loop's.
        guard let timer else { return }
        nonisolated(unsafe) let last = timer
        timer.loop.execute { withExtendedLifetime(last) {} }
    }

    /// Runs an action after the delay, or some milliseconds later.
    func add(on loop: EventLoop, _ action: @escaping () -> Void) -> Entry {
        let entry = Entry(due: .now + delay, action: action)
        entries.append(entry)
        let timer = timer ?? LoopTimer(on: loop) { [weak self] in self?.runDue() }
        self.timer = timer
        if !timer.isScheduled { timer.schedule(after: delay) }
        return entry
    }

    /// Entries in memory, cancelled ones included until their time.
    var count: Int { entries.count - head }

    private func runDue() {
        let now = ContinuousClock.now
        while head < entries.count {
            let entry = entries[head]
            // Whoever was cancelled is passed by early: at low load nothing is left then, and nobody wakes the loop for it.
            guard entry.due <= now || entry.action == nil else { break }
            head += 1
            entry.action?()
            entry.action = nil
        }
        if head < entries.count {
            timer?.schedule(after: max(now.duration(to: entries[head].due), DelayLine.grain))
        }
        guard head == entries.count || head > 1024 else { return }
        entries.removeFirst(head)
        head = 0
    }
}
