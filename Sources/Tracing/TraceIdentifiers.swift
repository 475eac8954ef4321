internal import Crypto

/// Makes names of traces and spans from the system's randomness, which is asked for a supply at a time.
///
/// Nobody outside can foretell them: who could would be able to put spans of their own into our traces.
struct TraceIdentifiers {
    /// Enough for some 15 messages: a call costs the same for eight bytes.
    private static let supply = 1024

    private var bytes: [UInt8] = []
    private var place = 0

    mutating func nextTrace() -> TraceContext.TraceID {
        while true {
            if let id = TraceContext.TraceID(high: nextWord(), low: nextWord()) { return id }
        }
    }

    mutating func nextSpan() -> TraceContext.SpanID {
        while true {
            if let id = TraceContext.SpanID(bits: nextWord()) { return id }
        }
    }

    private mutating func nextWord() -> UInt64 {
        if place == bytes.count {
            bytes = randomBytes(TraceIdentifiers.supply)
            place = 0
        }
        var word: UInt64 = 0
        for byte in bytes[place..<place + 8] { word = word << 8 | UInt64(byte) }
        place += 8
        return word
    }
}
