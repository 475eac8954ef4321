/// Bytes as hexadecimal digits, two a byte (RFC 4648, section 8).
public enum Hex {
    /// The digits of the bytes, in lower case.
    public static func encode(_ bytes: [UInt8]) -> String {
        let digits: StaticString = "0123456789abcdef"
        return String(unsafeUninitializedCapacity: bytes.count * 2) { output in
            var place = 0
            for byte in bytes {
                output[place] = digits.utf8Start[Int(byte >> 4)]
                output[place + 1] = digits.utf8Start[Int(byte & 0xF)]
                place += 2
            }
            return place
        }
    }

    /// The bytes written as digits of either case; nil for an odd count or any other character.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for character in text.utf8 {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let before = high {
                bytes.append(before << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return high == nil ? bytes : nil
    }
}
