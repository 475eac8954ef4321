internal import CEvent
internal import Glibc

/// A timer of one loop: runs its action once each time it is scheduled.
///
/// Keep a reference while it is needed: releasing the timer cancels it. Belongs to the loop's thread.
public final class LoopTimer {
    /// The loop that it belongs to.
    public let loop: EventLoop
    private let action: () -> Void
    private var event: OpaquePointer?

    /// True from ``schedule(after:)`` until the action runs or the timer is cancelled.
    public private(set) var isScheduled = false

    /// A timer that is not scheduled yet.
    public init(on loop: EventLoop, action: @escaping () -> Void) {
        loop.preconditionCurrent()
        self.loop = loop
        self.action = action
        event = event_new(
            loop.base, -1, 0,
            { _, _, context in
                guard let context else { return }
                // Held through the call: the owner may release the timer in it.
                let timer = Unmanaged<LoopTimer>.fromOpaque(context).takeUnretainedValue()
                withExtendedLifetime(timer) { timer.fire() }
            }, Unmanaged.passUnretained(self).toOpaque())
        precondition(event != nil, "out of memory")
    }

    deinit {
        event_free(event)
    }

    /// Runs the action once, `delay` from now (at once in the next turn when it is zero or less); replaces an earlier schedule.
    ///
    /// Never early; some milliseconds late, by the steps of the kernel's coarse clock, which libevent reads.
    public func schedule(after delay: Duration) {
        var interval = timeval(clamping: delay)
        if delay > .zero {
            // libevent adds the interval to the coarse clock, inside a callback even to that of the turn's begin; both are
            // behind the true time, so that the timer would be early by as much.
            // Measured first: a step of the coarse clock in between then makes it late, not early.
            let lag = LoopTimer.lagOfCoarseClock()
            event_base_update_cache_time(loop.base)
            interval.add(microseconds: lag)
        }
        event_add(event, &interval)
        isScheduled = true
    }

    /// Forgets the schedule; the action does not run.
    public func cancel() {
        guard isScheduled else { return }
        event_del(event)
        isScheduled = false
    }

    private static func lagOfCoarseClock() -> Int {
        var coarse = timespec()
        var exact = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &coarse)
        clock_gettime(CLOCK_MONOTONIC, &exact)
        return (exact.tv_sec - coarse.tv_sec) * 1_000_000 + (exact.tv_nsec - coarse.tv_nsec) / 1000 + 1
    }

    private func fire() {
        isScheduled = false
        action()
    }
}

extension timeval {
    /// The duration in whole microseconds, at least zero and at most ten years: libevent adds it to the clock.
    init(clamping duration: Duration) {
        let limit = Duration.seconds(10 * 365 * 86_400)
        let clamped = min(max(duration, .zero), limit).components
        // Rounded up, so that a timer never runs before its time.
        let microseconds = (clamped.attoseconds + 999_999_999_999) / 1_000_000_000_000
        self.init(
            tv_sec: Int(clamped.seconds + microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
    }

    /// Moves the time on by less than a second or so.
    mutating func add(microseconds: Int) {
        tv_usec += microseconds
        tv_sec += tv_usec / 1_000_000
        tv_usec %= 1_000_000
    }
}
