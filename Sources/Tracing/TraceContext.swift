/// Which trace and which of its spans something belongs to: what a W3C `traceparent` says.
///
/// Trace Context, level 1: `00-` 32 digits of the trace, `-` 16 of the span, `-` two of flags.
public struct TraceContext: Sendable, Hashable {
    /// Names a trace: 128 bits, never all zero.
    public struct TraceID: Sendable, Hashable, CustomStringConvertible {
        /// The first eight bytes.
        public let high: UInt64
        /// The last eight bytes: the part that samplers look at.
        public let low: UInt64

        /// Nil for all zeros, which names nothing.
        public init?(high: UInt64, low: UInt64) {
            guard high | low != 0 else { return nil }
            self.high = high
            self.low = low
        }

        /// 32 digits in lower case.
        public var description: String {
            String(unsafeUninitializedCapacity: 32) { output in
                HexDigits.write(high, to: output, at: 0)
                HexDigits.write(low, to: output, at: 16)
                return 32
            }
        }
    }

    /// Names a span within its trace: 64 bits, never all zero.
    public struct SpanID: Sendable, Hashable, CustomStringConvertible {
        /// The eight bytes.
        public let bits: UInt64

        /// Nil for zero, which names nothing.
        public init?(bits: UInt64) {
            guard bits != 0 else { return nil }
            self.bits = bits
        }

        /// 16 digits in lower case.
        public var description: String {
            String(unsafeUninitializedCapacity: 16) { output in
                HexDigits.write(bits, to: output, at: 0)
                return 16
            }
        }
    }

    /// The length of a `traceparent` of version 00.
    private static let length = 55

    /// The trace.
    public let traceID: TraceID
    /// The span.
    public let spanID: SpanID
    /// Whether the spans of the trace are kept (the flag `sampled`).
    public let isSampled: Bool

    /// A span of a trace.
    public init(traceID: TraceID, spanID: SpanID, isSampled: Bool) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
    }

    /// Reads a `traceparent`; nil for one that is not valid, which is to be treated as if it were not there.
    ///
    /// Of a later version the parts of version 00 are read, as the specification wants it.
    public init?(traceparent text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= TraceContext.length, bytes[2] == UInt8(ascii: "-"), bytes[35] == UInt8(ascii: "-"),
            bytes[52] == UInt8(ascii: "-"), let version = HexDigits.read(bytes[0..<2]), version != 0xFF,
            bytes.count == TraceContext.length
                || (version > 0 && bytes[TraceContext.length] == UInt8(ascii: "-")),
            let high = HexDigits.read(bytes[3..<19]), let low = HexDigits.read(bytes[19..<35]),
            let traceID = TraceID(high: high, low: low),
            let spanID = HexDigits.read(bytes[36..<52]).flatMap({ SpanID(bits: $0) }),
            let flags = HexDigits.read(bytes[53..<55])
        else { return nil }
        self.init(traceID: traceID, spanID: spanID, isSampled: flags & 1 == 1)
    }

    /// The value of the header field `traceparent`, of version 00.
    public var traceparent: String {
        String(unsafeUninitializedCapacity: TraceContext.length) { output in
            for (index, byte) in "00-".utf8.enumerated() { output[index] = byte }
            HexDigits.write(traceID.high, to: output, at: 3)
            HexDigits.write(traceID.low, to: output, at: 19)
            output[35] = UInt8(ascii: "-")
            HexDigits.write(spanID.bits, to: output, at: 36)
            output[52] = UInt8(ascii: "-")
            output[53] = UInt8(ascii: "0")
            output[54] = UInt8(ascii: isSampled ? "1" : "0")
            return TraceContext.length
        }
    }
}
