/// Tells whether bytes that come in pieces are UTF-8 so far (RFC 3629, section 4).
///
/// It fails at the first byte that no text can have in its place, which may be inside a character.
struct UTF8Checker {
    /// Bytes that the present character still needs.
    private var missing = 0
    /// What the next of them may be; narrower than 80 to BF behind a first byte that could begin an overlong form, a surrogate
    /// or a value above U+10FFFF.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    /// True between characters, where a text may end.
    var isComplete: Bool { missing == 0 }

    /// Reads on; false when the bytes cannot be UTF-8, after which the checker is of no use.
    mutating func accept(_ bytes: Span<UInt8>) -> Bool {
        bytes.withUnsafeBytes { raw in
            var index = 0
            while index < raw.count {
                if missing == 0 {
                    // Eight bytes at a time while they are ASCII.
                    while index + 8 <= raw.count,
                        raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                    {
                        index += 8
                    }
                    guard index < raw.count else { return true }
                }
                guard accept(raw[index]) else { return false }
                index += 1
            }
            return true
        }
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        if missing > 0 {
            guard byte >= lowest, byte <= highest else { return false }
            missing -= 1
            (lowest, highest) = (0x80, 0xBF)
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: missing = 1
        case 0xE0: (missing, lowest) = (2, 0xA0)
        case 0xED: (missing, highest) = (2, 0x9F)
        case 0xE1...0xEF: missing = 2
        case 0xF0: (missing, lowest) = (3, 0x90)
        case 0xF4: (missing, highest) = (3, 0x8F)
        case 0xF1...0xF3: missing = 3
        default: return false
        }
        return true
    }
}
