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
        if let decoded = text.utf8.withContiguousStorageIfAvailable({ decode(UnsafeRawBufferPointer($0), alphabet) }) {
            return decoded
        }
        return Array(text.utf8).withUnsafeBytes { decode($0, alphabet) }
    }

    /// The bytes of a text that stands in memory as UTF-8, as ``decode(_:alphabet:)`` has it.
    static func decode(_ text: UnsafeRawBufferPointer, _ alphabet: Alphabet) -> [UInt8]? {
        var end = text.count
        while end > 0, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
        let padding = text.count - end
        let rest = end % 4
        guard rest != 1, padding == 0 || (rest != 0 && padding == 4 - rest) else { return nil }
        var isValid = true
        let values = alphabet == .standard ? standardValues : urlSafeValues
        let bytes = values.withUnsafeBufferPointer { values in
            [UInt8](unsafeUninitializedCapacity: end / 4 * 3 + 2) { output, count in
                var index = 0
                while index + 4 <= end {
                    let one = values[Int(text[index])]
                    let two = values[Int(text[index + 1])]
                    let three = values[Int(text[index + 2])]
                    let four = values[Int(text[index + 3])]
                    // A value has six bits; what is no character has all eight.
                    guard (one | two | three | four) < 64 else {
                        isValid = false
                        return
                    }
                    output[count] = one << 2 | two >> 4
                    output[count + 1] = two << 4 | three >> 2
                    output[count + 2] = three << 6 | four
                    count += 3
                    index += 4
                }
                guard rest > 0 else { return }
                var last: UInt32 = 0
                for place in index..<end {
                    let value = values[Int(text[place])]
                    guard value < 64 else {
                        isValid = false
                        return
                    }
                    last = last << 6 | UInt32(value)
                }
                // Bits beyond the last byte must be zero: each value has one spelling.
                if rest == 2 {
                    isValid = last & 0xF == 0
                    output[count] = UInt8(truncatingIfNeeded: last >> 4)
                    count += 1
                } else {
                    isValid = last & 0x3 == 0
                    output[count] = UInt8(truncatingIfNeeded: last >> 10)
                    output[count + 1] = UInt8(truncatingIfNeeded: last >> 2)
                    count += 2
                }
            }
        }
        return isValid ? bytes : nil
    }

    private static let standardValues = values(of: "+", "/")
    private static let urlSafeValues = values(of: "-", "_")

    /// The value of each byte as a character, 255 where it is none.
    private static func values(of sixtyTwo: Unicode.Scalar, _ sixtyThree: Unicode.Scalar) -> [UInt8] {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for letter in UInt8(0)..<26 {
            values[Int(UInt8(ascii: "A") + letter)] = letter
            values[Int(UInt8(ascii: "a") + letter)] = letter + 26
        }
        for digit in UInt8(0)..<10 { values[Int(UInt8(ascii: "0") + digit)] = digit + 52 }
        values[Int(UInt8(ascii: sixtyTwo))] = 62
        values[Int(UInt8(ascii: sixtyThree))] = 63
        return values
    }
}
