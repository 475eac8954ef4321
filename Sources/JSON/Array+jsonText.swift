extension [UInt8] {
    /// Appends what the body writes, at most `room` bytes; the body returns how many it wrote.
    ///
    /// One check for space and uniqueness a field, instead of one for each of its parts, halves the cost of writing.
    @inline(__always)
    mutating func append(room: Int, _ write: (UnsafeMutableRawPointer) -> Int) {
        append(addingCapacity: room) { span in
            span.withUnsafeMutableBufferPointer { buffer, count in
                if let start = buffer.baseAddress { count = write(UnsafeMutableRawPointer(start)) }
            }
        }
    }

    /// Appends the decimal digits of a number.
    mutating func appendDecimal(_ number: UInt64) {
        append(room: 20) { output in  // 2^64 has 20 digits
            var digits = 1
            var power: UInt64 = 10
            while digits < 20, number >= power {
                digits += 1
                (power, _) = power.multipliedReportingOverflow(by: 10)
            }
            var rest = number
            var place = digits
            repeat {
                place -= 1
                output.storeBytes(
                    of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10), toByteOffset: place, as: UInt8.self)
                rest /= 10
            } while place > 0
            return digits
        }
    }

    /// Appends text as a JSON string, quotation marks included, behind a comma if asked.
    ///
    /// Most texts need no escape and are copied whole; in the others the runs between escapes are.
    mutating func appendJSONString(_ text: UnsafeBufferPointer<UInt8>, comma: Bool) {
        var end = firstToEscape(in: text, from: 0)
        append(room: end + 3) { output in
            var place = 0
            if comma { output.append(UInt8(ascii: ","), &place) }
            output.append(UInt8(ascii: "\""), &place)
            if let start = text.baseAddress { output.append(start, end, &place) }
            if end == text.count { output.append(UInt8(ascii: "\""), &place) }
            return place
        }
        while end < text.count {
            appendEscape(of: text[end])
            let start = end + 1
            end = firstToEscape(in: text, from: start)
            append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<end]))
            if end == text.count { append(UInt8(ascii: "\"")) }
        }
    }

    private mutating func appendEscape(of byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        default:
            let low = byte & 0xF
            append(contentsOf: [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0"), UInt8(ascii: "0") + byte >> 4])
            append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        }
    }
}

/// The position of the first byte from `start` on that a JSON string must escape, or the count.
///
/// Eight bytes at a time: for each byte of the word, the high bit tells whether it is below 0x20, `"` or `\`. A borrow may
/// mark a byte behind a marked one falsely, never the first; so the lowest mark is right (the word is little-endian).
private func firstToEscape(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    var index = start
    let raw = UnsafeRawBufferPointer(text)
    while index + 8 <= raw.count {
        let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        let marks =
            ((word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes) & highs
        if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
        index += 8
    }
    while index < raw.count {
        let byte = raw[index]
        if byte < 0x20 || byte == 0x22 || byte == 0x5C { return index }
        index += 1
    }
    return index
}

extension UnsafeMutableRawPointer {
    @inline(__always)
    func append(_ byte: UInt8, _ place: inout Int) {
        storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
        place += 1
    }

    @inline(__always)
    func append(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ place: inout Int) {
        (self + place).copyMemory(from: bytes, byteCount: count)
        place += count
    }
}
