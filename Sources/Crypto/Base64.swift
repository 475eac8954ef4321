/// Bytes as text of 64 characters (RFC 4648, sections 4 and 5).
public enum Base64 {
    /// The characters for the values 62 and 63.
    public enum Alphabet: Sendable, Hashable {
        /// `+` and `/` (RFC 4648, section 4), written with padding.
        case standard
        /// `-` and `_` (RFC 4648, section 5), written without padding, as JSON Web Tokens have it (RFC 7515, section 2).
        case urlSafe
    }

    /// The text of the bytes.
    public static func encode(_ bytes: [UInt8], alphabet: Alphabet = .standard) -> String {
        let characters: StaticString =
            switch alphabet {
            case .standard: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            case .urlSafe: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            }
        return String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { output in
            var place = 0
            func put(_ value: UInt32) {
                output[place] = characters.utf8Start[Int(value & 63)]
                place += 1
            }
            var index = 0
            while index + 3 <= bytes.count {
                let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
                for shift in [18, 12, 6, 0] as [UInt32] { put(group >> shift) }
                index += 3
            }
            let rest = bytes.count - index
            guard rest > 0 else { return place }
            let group = UInt32(bytes[index]) << 16 | (rest == 2 ? UInt32(bytes[index + 1]) << 8 : 0)
            put(group >> 18)
            put(group >> 12)
            if rest == 2 { put(group >> 6) }
            if alphabet == .standard {
                for _ in rest..<3 {
                    output[place] = UInt8(ascii: "=")
                    place += 1
                }
            }
            return place
        }
    }

    /// The bytes of a text, with its padding or without.
    ///
    /// - Returns: nil for any character outside the alphabet (white space included), wrong padding, a length that no bytes
    ///   have, or bits beyond the last byte that are not zero: each value has one spelling, or one with and one without
    ///   padding.
    public static func decode(_ text: some StringProtocol, alphabet: Alphabet = .standard) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 4 * 3 + 2)
        var group: UInt32 = 0
        var filled = 0
        var padding = 0
        for character in text.utf8 {
            if character == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(of: character, alphabet) else { return nil }
            group = group << 6 | value
            filled += 1
            if filled == 4 {
                bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                bytes.append(UInt8(truncatingIfNeeded: group >> 8))
                bytes.append(UInt8(truncatingIfNeeded: group))
                group = 0
                filled = 0
            }
        }
        switch (filled, padding) {
        case (0, 0):
            return bytes
        case (2, 0), (2, 2):
            guard group & 0xF == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: group >> 4))
            return bytes
        case (3, 0), (3, 1):
            guard group & 0x3 == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: group >> 10))
            bytes.append(UInt8(truncatingIfNeeded: group >> 2))
            return bytes
        default:
            return nil
        }
    }

    private static func value(of character: UInt8, _ alphabet: Alphabet) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): alphabet == .standard ? 62 : nil
        case UInt8(ascii: "/"): alphabet == .standard ? 63 : nil
        case UInt8(ascii: "-"): alphabet == .urlSafe ? 62 : nil
        case UInt8(ascii: "_"): alphabet == .urlSafe ? 63 : nil
        default: nil
        }
    }
}
