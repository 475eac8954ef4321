internal import Glibc

/// The deadlines of one transfer, as a value: told of what happens, asked for what is due.
///
/// Times are nanoseconds of the monotonic clock; `UInt64.max` stands for never.
struct TransferClock {
    private var given: HTTPClientRequest.Timeouts?
    private var firstByte = UInt64.max
    private var idle = UInt64.max
    private var total = UInt64.max
    private var startedAt: UInt64 = 0
    private var lastByteAt: UInt64?
    private var isHeldBack = false

    /// The time now, in steps of some milliseconds, which timeouts can do with at a fifth of the exact clock's cost.
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Takes the limits of the next transfer.
    mutating func set(_ timeouts: HTTPClientRequest.Timeouts) {
        // Division of 128-bit durations is slow, and transfers of one kind follow each other in a handle.
        guard timeouts != given else { return }
        given = timeouts
        firstByte = timeouts.firstByte?.nanoseconds ?? .max
        idle = timeouts.idle?.nanoseconds ?? .max
        total = timeouts.total?.nanoseconds ?? .max
    }

    /// The transfer begins.
    mutating func start(at now: UInt64) {
        startedAt = now
        lastByteAt = nil
        isHeldBack = false
    }

    /// Bytes of the answer came.
    mutating func sawByte(at now: UInt64) {
        lastByteAt = now
    }

    /// The reader of the answer makes the server wait; its silence is not the server's.
    mutating func holdBack() {
        isHeldBack = true
    }

    /// The reader is ready again.
    mutating func release(at now: UInt64) {
        isHeldBack = false
        lastByteAt = now
    }

    /// The next limit to run out and when it does.
    var next: (limit: HTTPClientError.Timeout, at: UInt64) {
        var result = (limit: HTTPClientError.Timeout.total, at: TransferClock.add(total, to: startedAt))
        if let lastByteAt {
            let end = TransferClock.add(idle, to: lastByteAt)
            if !isHeldBack, end < result.at { result = (.idle, end) }
        } else {
            let end = TransferClock.add(firstByte, to: startedAt)
            if end < result.at { result = (.firstByte, end) }
        }
        return result
    }

    private static func add(_ limit: UInt64, to time: UInt64) -> UInt64 {
        let (sum, isOver) = limit.addingReportingOverflow(time)
        return isOver ? .max : sum
    }
}

extension Duration {
    /// In whole milliseconds, rounded up; at most eleven days, more than any connection takes.
    var milliseconds: Int {
        let limit = 1_000_000_000
        return min(max(0, Int(clamping: (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)), limit)
    }

    /// In whole nanoseconds; negative durations are zero.
    var nanoseconds: UInt64 {
        UInt64(clamping: attoseconds / 1_000_000_000)
    }
}
