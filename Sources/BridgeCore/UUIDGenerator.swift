/// Makes identifiers of version 7, each greater than the one before it, also within a millisecond and when the clock steps back.
///
/// A value of one owner: keep one for each loop. Their chance comes from a generator seeded by the system, since asking the
/// system for each identifier is a system call; they are unique, not secret.
public struct UUIDGenerator: Sendable {
    private var random: SplitMix64
    private var lastTick: UInt64 = 0

    /// A generator with a seed from the system.
    public init() {
        var system = SystemRandomNumberGenerator()
        random = SplitMix64(state: system.next())
    }

    /// The next identifier, for something that happens at `now`.
    public mutating func next(at now: Timestamp) -> UUID {
        // A tick is 1/4096 ms: the 60 bits of RFC 9562, section 6.2, method 3 (sub-millisecond fraction as counter).
        let microseconds = UInt64(max(0, now.microseconds))
        let tick = (microseconds / 1000) << 12 | ((microseconds % 1000) << 12) / 1000
        lastTick = max(tick, lastTick + 1)
        return UUID(version7At: lastTick >> 12, fraction: UInt16(lastTick & 0xFFF), random: random.next())
    }
}

/// The generator of Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014): one word of state.
struct SplitMix64: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
