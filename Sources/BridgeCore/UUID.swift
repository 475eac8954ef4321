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
        func load<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: Word.Type) -> Word {
            Word(bigEndian: start.loadUnaligned(fromByteOffset: offset, as: type))
        }
        func two(_ first: Int, _ second: Int) -> UInt64 {
            UInt64(load(first, UInt32.self)) << 32 | UInt64(load(second, UInt32.self))
        }
        guard let first = UUID.number(digits: load(0, UInt64.self)), let second = UUID.number(digits: two(9, 14)),
            let third = UUID.number(digits: two(19, 24)), let fourth = UUID.number(digits: load(28, UInt64.self))
        else { return nil }
        self.init(high: first << 32 | second, low: third << 32 | fourth)
    }

    /// The number that eight hexadecimal digits stand for, all read at once; nil when one of them is none.
    private static func number(digits: UInt64) -> UInt64? {
        let each: UInt64 = 0x0101_0101_0101_0101
        // Letters have bit 6 set, and 9 more than their lower four bits.
        let letters = (digits >> 6) & each
        let values = (digits & (each &* 15)) &+ letters &* 9
        // What was a digit is written back as it was, but for the case of letters.
        let above9 = ((values &+ each &* 6) >> 4) & each
        guard values & (each &* 0xf0) == 0, values &+ each &* 0x30 &+ above9 &* 0x27 == digits | letters << 5 else {
            return nil
        }
        let bytes = (values | values >> 4) & 0x00ff_00ff_00ff_00ff
        let words = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff
        return (words | words >> 16) & 0xffff_ffff
    }

    /// The 36-character form in lower case.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            if let start = buffer.baseAddress { write(to: UnsafeMutableRawPointer(start)) }
            return 36
        }
    }

    /// Writes the 36 characters to memory that has room for them.
    func write(to output: UnsafeMutableRawPointer) {
        // Eight digits a word; the first of them is the lowest byte.
        let first = UUID.hexadecimal(high >> 32)
        let second = UUID.hexadecimal(high & 0xFFFF_FFFF)
        let third = UUID.hexadecimal(low >> 32)
        let fourth = UUID.hexadecimal(low & 0xFFFF_FFFF)
        func put(_ word: UInt64, at place: Int) {
            output.storeBytes(of: word.littleEndian, toByteOffset: place, as: UInt64.self)
        }
        func put(half word: UInt64, at place: Int) {
            output.storeBytes(of: UInt32(truncatingIfNeeded: word).littleEndian, toByteOffset: place, as: UInt32.self)
        }
        put(first, at: 0)
        put(half: second, at: 9)
        put(half: second >> 32, at: 14)
        put(half: third, at: 19)
        put(half: third >> 32, at: 24)
        put(fourth, at: 28)
        // Written one by one: a list of the places would be made anew at each call.
        output.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 8, as: UInt8.self)
        output.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 13, as: UInt8.self)
        output.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 18, as: UInt8.self)
        output.storeBytes(of: UInt8(ascii: "-"), toByteOffset: 23, as: UInt8.self)
    }

    /// The eight hexadecimal digits of 32 bits, the first in the lowest byte.
    private static func hexadecimal(_ bits: UInt64) -> UInt64 {
        // Each half byte into a byte of its own, and the bytes into their order: 0x0123_4567 becomes 07 06 … 01 00.
        var word = (bits & 0xFFFF) << 32 | bits >> 16
        word = (word & 0x0000_00FF_0000_00FF) << 16 | (word & 0x0000_FF00_0000_FF00) >> 8
        word = (word & 0x000F_000F_000F_000F) << 8 | (word & 0x00F0_00F0_00F0_00F0) >> 4
        // 10 to 15 are those to which 6 adds a carry into the upper half; `a` is 39 beyond what follows `9`.
        let letters = (word &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return word &+ 0x3030_3030_3030_3030 &+ letters &* 39
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
