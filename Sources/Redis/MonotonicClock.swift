internal import Glibc

/// The monotonic clock in nanoseconds, in steps of some milliseconds: what timeouts need, at a fifth of the exact one's cost.
enum MonotonicClock {
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension UInt64 {
    /// The sum, or the largest number where it would overflow.
    func advanced(byAtMost nanoseconds: UInt64) -> UInt64 {
        let (sum, isOver) = addingReportingOverflow(nanoseconds)
        return isOver ? .max : sum
    }
}

extension Duration {
    /// In whole nanoseconds; negative durations are zero.
    var nanoseconds: UInt64 {
        let parts = components
        guard parts.seconds >= 0, parts.attoseconds >= 0 else { return 0 }
        let (high, isOver) = UInt64(parts.seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return isOver ? .max : high &+ UInt64(parts.attoseconds / 1_000_000_000)
    }
}
