/// Lets one of many equal log lines through a minute.
///
/// By the monotonic clock: the clock on the wall may be set.
struct OnceAMinute {
    private var last: ContinuousClock.Instant?

    /// Whether a line is due now; if so, the next is due a minute later.
    mutating func isDue(at now: ContinuousClock.Instant = .now) -> Bool {
        if let last, now - last < .seconds(60) { return false }
        last = now
        return true
    }
}
