internal import Glibc

/// A point in time: microseconds since 1970-01-01 UTC, the resolution of Postgres.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z, without leap seconds; negative before.
    public var microseconds: Int64

    /// So many microseconds after the epoch.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// So many whole seconds after the epoch, clamped to what microseconds can hold (some 292,000 years).
    public init(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        microseconds = overflow ? (seconds < 0 ? .min : .max) : product
    }

    /// The system's clock.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// Whole seconds since the epoch, rounded down.
    public var seconds: Int64 {
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The time later by a duration, clamped to the range of the type.
    public func advanced(by duration: Duration) -> Timestamp {
        let parts = duration.components
        let (seconds, overflow) = parts.seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, again) = microseconds.addingReportingOverflow(
            seconds &+ parts.attoseconds / 1_000_000_000_000)
        return Timestamp(microseconds: overflow || again ? (duration < .zero ? .min : .max) : sum)
    }

    /// How long `other` came before this.
    public func duration(since other: Timestamp) -> Duration {
        .microseconds(microseconds &- other.microseconds)
    }

    /// Orders by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }
}
