/// Rewrites the two kinds of valid JSON that simdjson refuses, so that one odd field does not cost the whole document.
///
/// - An escaped surrogate without its partner (`\ud83d` alone, which a platform sends when it cuts a text in the middle of
///   an emoji) becomes `\ufffd`.
/// - A number that no 64-bit type holds becomes a `Double`: an integer of 19 digits or more gets the exponent `e0`, and one
///   beyond the range of `Double` becomes the greatest finite one of its sign.
///
/// This runs only after simdjson has refused the document, in one pass over it.
enum JSONRepair {
    /// Returns the mended bytes, or nil when there was nothing to mend.
    static func mended(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + bytes.count / 8 + 16)
        var copied = 0  // everything before it is in the output
        var index = 0
        var changed = false

        func replace(_ range: Range<Int>, by text: StaticString) {
            output.append(contentsOf: bytes[copied..<range.lowerBound])
            output.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
            copied = range.upperBound
            changed = true
        }

        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index = endOfString(bytes, from: index + 1) { replace($0, by: "\\ufffd") }
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                let number = index
                index += 1
                while index < bytes.count, isNumberByte(bytes[index]) { index += 1 }
                switch verdict(on: bytes[number..<index]) {
                case .fine: break
                case .bigInteger: replace(index..<index, by: "e0")
                case .beyondDouble(let negative):
                    replace(number..<index, by: negative ? "-1.7976931348623157e308" : "1.7976931348623157e308")
                }
            default:
                index += 1
            }
        }
        guard changed else { return nil }
        output.append(contentsOf: bytes[copied...])
        return output
    }

    /// Walks a string from behind its opening quote to behind its closing one, naming each lone surrogate escape.
    private static func endOfString(
        _ bytes: UnsafeRawBufferPointer, from start: Int, loneSurrogate: (Range<Int>) -> Void
    ) -> Int {
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                return index + 1
            case UInt8(ascii: "\\"):
                guard let unit = JSONEscape.unit(in: bytes, at: index) else {
                    index += 2
                    continue
                }
                if unit & 0xFC00 == 0xD800, let next = JSONEscape.unit(in: bytes, at: index + 6),
                    next & 0xFC00 == 0xDC00
                {
                    index += 12
                    continue
                }
                if unit & 0xF800 == 0xD800 { loneSurrogate(index..<index + 6) }
                index += 6
            default:
                index += 1
            }
        }
        return index
    }

    private static func isNumberByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "-"),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    private enum Verdict {
        case fine
        case bigInteger
        case beyondDouble(negative: Bool)
    }

    private static func verdict(on token: Slice<UnsafeRawBufferPointer>) -> Verdict {
        guard isNumber(token) else { return .fine }  // simdjson refuses it again, and rightly
        let negative = token.first == UInt8(ascii: "-")
        let isInteger = !token.contains { $0 == UInt8(ascii: ".") || $0 | 0x20 == UInt8(ascii: "e") }
        // 2^63 has 19 digits: anything shorter fits.
        if isInteger, token.count - (negative ? 1 : 0) < 19 { return .fine }
        guard let value = Double(String(decoding: token, as: UTF8.self)), value.isFinite else {
            return .beyondDouble(negative: negative)
        }
        guard isInteger else { return .fine }
        let text = String(decoding: token, as: UTF8.self)
        return Int64(text) == nil && UInt64(text) == nil ? .bigInteger : .fine
    }

    /// The grammar of RFC 8259, section 6.
    private static func isNumber(_ token: Slice<UnsafeRawBufferPointer>) -> Bool {
        var rest = token[...]
        func digits() -> Int {
            let before = rest.count
            rest = rest.drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            return before - rest.count
        }
        if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        let leadingZero = rest.first == UInt8(ascii: "0")
        let integer = digits()
        guard integer > 0, !(leadingZero && integer > 1) else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            guard digits() > 0 else { return false }
        }
        if let byte = rest.first, byte | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }
}
