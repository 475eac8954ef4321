internal import Glibc

extension UInt8 {
    static let space = UInt8(ascii: " ")
    static let carriageReturn = UInt8(ascii: "\r")
    static let lineFeed = UInt8(ascii: "\n")

    /// The characters of a token (RFC 9110, section 5.6.2), as a bit for each of the 128 of ASCII.
    private static let tokenBits: (UInt64, UInt64) = (0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE)

    /// True for a character of a token: a method or a field name.
    var isTokenByte: Bool {
        if self >= 128 { return false }
        let bits = self < 64 ? UInt8.tokenBits.0 : UInt8.tokenBits.1
        return bits >> UInt64(self & 63) & 1 == 1
    }

    /// True for what a field value may hold: visible ASCII, space, tab and the bytes above (RFC 9110, section 5.5).
    var isFieldValueByte: Bool {
        self >= 0x20 ? self != 0x7F : self == 0x09
    }

    /// True for a space or a tab.
    var isBlank: Bool { self == 0x20 || self == 0x09 }

    /// True for `0` to `9`.
    var isDigit: Bool { (0x30...0x39).contains(self) }

    /// The value of a hexadecimal digit of either case.
    var hexadecimalValue: Int? {
        switch self {
        case 0x30...0x39: Int(self) - 0x30
        case 0x41...0x46: Int(self) - 0x41 + 10
        case 0x61...0x66: Int(self) - 0x61 + 10
        default: nil
        }
    }

    /// The letter in lower case; anything else unchanged.
    var lowercased: UInt8 {
        (0x41...0x5A).contains(self) ? self | 0x20 : self
    }
}

extension Span<UInt8> {
    /// Where that byte lies first.
    func first(_ byte: UInt8) -> Int? {
        withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress, let found = memchr(base, Int32(byte), bytes.count) else {
                return nil
            }
            return UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    var text: String {
        withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    /// Where the first byte lies that a field value may not hold, or the count.
    func endOfFieldValue() -> Int {
        withUnsafeBytes { bytes in
            let ones: UInt64 = 0x0101_0101_0101_0101
            var index = 0
            // Eight at a time: the high bit tells of a byte that is DEL or, itself below 0x80, below 0x20. A borrow may tell of
            // more than there are, never of fewer, so what is told of is looked at singly.
            while index + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let deletes = word ^ (ones &* 0x7F)
                let marks = ((word &- ones &* 0x20) & ~word | (deletes &- ones) & ~deletes) & (ones &* 0x80)
                if marks != 0 {
                    for place in index..<(index + 8) where !bytes[place].isFieldValueByte { return place }
                }
                index += 8
            }
            while index < bytes.count, bytes[index].isFieldValueByte { index += 1 }
            return index
        }
    }

    /// True when the bytes begin with this ASCII text.
    func hasPrefix(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            guard count >= expected.count else { return false }
            for index in 0..<expected.count where self[index] != expected[index] { return false }
            return true
        }
    }

    /// True when the bytes begin with this lower-case ASCII text, whatever their case.
    func hasPrefixIgnoringCase(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            guard count >= expected.count else { return false }
            for index in 0..<expected.count where self[index].lowercased != expected[index] { return false }
            return true
        }
    }

    /// True when the bytes are this lower-case ASCII text, whatever their case.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && hasPrefixIgnoringCase(text)
    }

    /// True when a comma-separated list (RFC 9110, section 5.6.1) holds this lower-case item, whatever its case.
    func hasListItem(_ item: StaticString) -> Bool {
        var index = 0
        while index < count {
            while index < count, self[index].isBlank || self[index] == UInt8(ascii: ",") { index += 1 }
            let start = index
            while index < count, self[index] != UInt8(ascii: ",") { index += 1 }
            var end = index
            while end > start, self[end - 1].isBlank { end -= 1 }
            if extracting(start..<end).equalsIgnoringCase(item) { return true }
        }
        return false
    }
}
