/// The strings of SQLite's binary JSON, written between the quotation marks of JSON text.
enum BinaryJSONText {
    /// Escapes what JSON cannot have as it is.
    static func escape(_ text: UnsafeRawBufferPointer, into output: inout [UInt8]) -> Bool {
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
            case ..<0x20: control(byte, into: &output)
            default: output.append(byte)
            }
        }
        return true
    }

    /// Copies text whose escapes are those of JSON.
    ///
    /// - Returns: false when it has others, or bytes that would have to be escaped.
    static func copy(_ text: UnsafeRawBufferPointer, into output: inout [UInt8]) -> Bool {
        var index = 0
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "\""), ..<0x20: return false
            case UInt8(ascii: "\\"):
                guard let length = escapeLength(text, at: index) else { return false }
                index += length
            default: index += 1
            }
        }
        output.append(contentsOf: text)
        return true
    }

    /// Translates the escapes of JSON5 into those of JSON.
    ///
    /// - Returns: false when one is cut off or malformed.
    static func translate(_ text: UnsafeRawBufferPointer, into output: inout [UInt8]) -> Bool {
        var index = 0
        while index < text.count {
            let byte = text[index]
            guard byte == UInt8(ascii: "\\") else {
                // Between apostrophes a quotation mark stands as it is.
                if byte == UInt8(ascii: "\"") {
                    output += Array(#"\""#.utf8)
                } else if byte < 0x20 {
                    control(byte, into: &output)
                } else {
                    output.append(byte)
                }
                index += 1
                continue
            }
            guard index + 1 < text.count else { return false }
            if let length = escapeLength(text, at: index) {
                output.append(contentsOf: text[index..<(index + length)])
                index += length
                continue
            }
            index += 2
            switch text[index - 1] {
            case UInt8(ascii: "'"): output.append(UInt8(ascii: "'"))
            case UInt8(ascii: "v"): control(0x0b, into: &output)
            case UInt8(ascii: "0"): control(0, into: &output)
            case UInt8(ascii: "x"):
                guard index + 2 <= text.count, isHex(text[index]), isHex(text[index + 1]) else { return false }
                output += Array(#"\u00"#.utf8) + [text[index], text[index + 1]]
                index += 2
            // A line that goes on in the next: LF, CR, CR LF, U+2028, U+2029.
            case 0x0a: break
            case 0x0d: if index < text.count, text[index] == 0x0a { index += 1 }
            case 0xe2:
                guard index + 2 <= text.count, text[index] == 0x80, text[index + 1] & 0xfe == 0xa8 else { return false }
                index += 2
            default: return false
            }
        }
        return true
    }

    /// The length of an escape of RFC 8259, section 7, that starts here; nil when there is none.
    private static func escapeLength(_ text: UnsafeRawBufferPointer, at index: Int) -> Int? {
        guard index + 1 < text.count else { return nil }
        switch text[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return 2
        case UInt8(ascii: "u"):
            guard index + 6 <= text.count, text[(index + 2)..<(index + 6)].allSatisfy(isHex) else { return nil }
            return 6
        default: return nil
        }
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }

    private static func control(_ byte: UInt8, into output: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        output += Array(#"\u00"#.utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
