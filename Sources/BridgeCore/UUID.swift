/// A universally unique identifier (RFC 9562): 128 bits, written as 36 characters.
public struct UUID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The first eight bytes, big-endian.
    public let high: UInt64
    /// The last eight bytes, big-endian.
    public let low: UInt64

    /// The identifier of these 16 bytes.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An identifier of version 7 (RFC 9562, section 5.7): it sorts by the time it was made.
    ///
    /// - Parameters:
    ///   - milliseconds: Unix time; 48 bits of it are kept.
    ///   - fraction: 12 bits that order identifiers within the millisecond.
    ///   - random: 62 bits of chance.
    public init(version7At milliseconds: UInt64, fraction: UInt16, random: UInt64) {
        high = milliseconds << 16 | 0x7000 | UInt64(fraction & 0x0FFF)
        low = random & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    }

    /// An identifier of version 8 (RFC 9562, section 5.8): 122 bits of a digest, so that the same input names the same thing.
    ///
    /// - Parameter digest: at least 16 bytes of a cryptographic hash.
    public init(version8Of digest: [UInt8]) {
        precondition(digest.count >= 16, "a digest of at least 16 bytes")
        let bytes = digest.prefix(16)
        let high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let low = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self.high = high & 0xFFFF_FFFF_FFFF_0FFF | 0x8000
        self.low = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    }

    /// Reads the 36-character form, in either case; nil for anything else.
    public init?(_ text: String) {
        var text = text
        guard let uuid = text.withUTF8({ UUID(UnsafeRawBufferPointer($0)) }) else { return nil }
        self = uuid
    }

    /// Reads the 36-character form from its bytes, in either case; nil for anything else.
    public init?(_ text: UnsafeRawBufferPointer) {
        guard text.count == 36, let start = text.baseAddress, text[8] == 0x2d, text[13] == 0x2d, text[18] == 0x2d,
            text[23] == 0x2d
        else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        // What is no digit sets a bit above the four of a nibble; one look at the end tells.
        var wrong: UInt64 = 0
        func read(_ range: Range<Int>, into half: inout UInt64) {
            for position in range {
                let byte = start.load(fromByteOffset: position, as: UInt8.self)
                let digit = UInt64(byte) &- 0x30
                let letter = UInt64(byte | 0x20) &- 0x61
                let nibble = digit < 10 ? digit : letter < 6 ? letter &+ 10 : 0x10
                wrong |= nibble
                half = half << 4 | nibble & 15
            }
        }
        read(0..<8, into: &halves.0)
        read(9..<13, into: &halves.0)
        read(14..<18, into: &halves.0)
        read(19..<23, into: &halves.1)
        read(24..<36, into: &halves.1)
        guard wrong < 16 else { return nil }
        self.init(high: halves.0, low: halves.1)
    }

    /// The 36-character form in lower case.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            write(to: UnsafeMutableRawBufferPointer(buffer))
            return 36
        }
    }

    /// Writes the 36 characters to the beginning of a buffer that has room for them.
    func write(to buffer: UnsafeMutableRawBufferPointer) {
        var position = 0
        for index in 0..<16 {
            if index == 4 || index == 6 || index == 8 || index == 10 {
                buffer[position] = UInt8(ascii: "-")
                position += 1
            }
            let byte = UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> (56 - UInt64(index & 7) * 8))
            buffer[position] = UUID.digit(byte >> 4)
            buffer[position + 1] = UUID.digit(byte & 15)
            position += 2
        }
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10
    }

    /// The 16 bytes in their order.
    public var bytes: [UInt8] {
        (0..<16).map { index in
            UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> (56 - UInt64(index & 7) * 8))
        }
    }

    /// Orders by the bytes, as Postgres orders its `uuid`; for version 7 that is the order of time.
    public static func < (left: UUID, right: UUID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
