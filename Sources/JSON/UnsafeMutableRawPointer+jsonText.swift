/// Writing to memory of which the caller knows that it has the room.
extension UnsafeMutableRawPointer {
    /// What may be written beyond the end of what was asked for, since short ends are copied as whole words.
    static var wordRoom: Int { 8 }

    @inline(__always)
    func write(_ byte: UInt8, _ place: inout Int) {
        storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
        place &+= 1
    }

    @inline(__always)
    func write(_ bytes: UnsafeRawPointer, _ count: Int, _ place: inout Int) {
        (self + place).copyMemory(from: bytes, byteCount: count)
        place &+= count
    }

    /// Writes a member's name, which needs no escapes, with its colon: at most four bytes more than the name.
    ///
    /// With ``wordRoom`` behind it.
    @inline(__always)
    func writeName(_ name: StaticString, comma: Bool, _ place: inout Int) {
        if comma { write(UInt8(ascii: ","), &place) }
        write(UInt8(ascii: "\""), &place)
        let count = name.utf8CodeUnitCount
        if count <= 16, name.hasPointerRepresentation {
            // Names are short: two words that overlap are quicker than a call.
            let (source, target) = (UnsafeRawPointer(name.utf8Start), self + place)
            if count >= 8 {
                target.storeBytes(of: source.loadUnaligned(as: UInt64.self), as: UInt64.self)
                let last = source.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
                target.storeBytes(of: last, toByteOffset: count &- 8, as: UInt64.self)
            } else if count > 0 {
                target.storeBytes(of: source.loadPartialWord(count).littleEndian, as: UInt64.self)
            }
            place &+= count
        } else {
            name.withUTF8Buffer { if let start = $0.baseAddress { write(start, $0.count, &place) } }
        }
        write(UInt8(ascii: "\""), &place)
        write(UInt8(ascii: ":"), &place)
    }

    /// Writes the decimal digits of a number, at most 20.
    @inline(__always)
    func writeDecimal(_ number: UInt64, _ place: inout Int) {
        var digits = 1
        var power: UInt64 = 10
        while digits < 20, number >= power {
            digits &+= 1
            (power, _) = power.multipliedReportingOverflow(by: 10)
        }
        var rest = number
        place &+= digits
        var index = place
        repeat {
            index &-= 1
            storeBytes(of: 0x30 + UInt8(truncatingIfNeeded: rest % 10), toByteOffset: index, as: UInt8.self)
            rest /= 10
        } while rest > 0
    }

    /// Writes an integer, at most 20 bytes.
    @inline(__always)
    func writeDecimal(_ number: Int64, _ place: inout Int) {
        if number < 0 { write(UInt8(ascii: "-"), &place) }
        writeDecimal(number.magnitude, &place)
    }

    /// Copies bytes up to the first that a JSON string must escape, with ``wordRoom`` behind the last.
    ///
    /// Eight at a time, each read once; a short end as one word.
    ///
    /// - Returns: how many were copied.
    func copyUnescaped(_ source: UnsafeRawPointer, _ count: Int) -> Int {
        var index = 0
        while index &+ 8 <= count {
            let word = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            storeBytes(of: word.littleEndian, toByteOffset: index, as: UInt64.self)
            let marks = UnsafeMutableRawPointer.marks(in: word)
            if marks != 0 { return index &+ marks.trailingZeroBitCount / 8 }
            index &+= 8
        }
        let rest = count &- index
        guard rest > 0 else { return count }
        let word = (source + index).loadPartialWord(rest)
        storeBytes(of: word.littleEndian, toByteOffset: index, as: UInt64.self)
        let marks = UnsafeMutableRawPointer.marks(in: word) & (1 &<< UInt64(8 &* rest) &- 1)
        return marks == 0 ? count : index &+ marks.trailingZeroBitCount / 8
    }

    /// The high bit of each byte of a word that is below 0x20, `"` or `\`.
    ///
    /// A borrow may mark a byte behind a marked one falsely, never the first; so the lowest mark is right.
    @inline(__always)
    private static func marks(in word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        return
            ((word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes) & highs
    }

    /// Writes a backslash and what stands for the byte behind it: two or six bytes.
    func writeEscape(of byte: UInt8, _ place: inout Int) {
        write(UInt8(ascii: "\\"), &place)
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): write(byte, &place)
        case 0x08: write(UInt8(ascii: "b"), &place)
        case 0x09: write(UInt8(ascii: "t"), &place)
        case 0x0A: write(UInt8(ascii: "n"), &place)
        case 0x0C: write(UInt8(ascii: "f"), &place)
        case 0x0D: write(UInt8(ascii: "r"), &place)
        default:
            let low = byte & 0xF
            write(UInt8(ascii: "u"), &place)
            write(UInt8(ascii: "0"), &place)
            write(UInt8(ascii: "0"), &place)
            write(UInt8(ascii: "0") + byte >> 4, &place)
            write(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10, &place)
        }
    }
}

extension UnsafeRawPointer {
    /// One to seven bytes as a word, the first lowest and zeros above them, without reading beyond them.
    @inline(__always)
    func loadPartialWord(_ count: Int) -> UInt64 {
        if count >= 4 {
            let first = UInt32(littleEndian: loadUnaligned(as: UInt32.self))
            let last = UInt32(littleEndian: loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
            return UInt64(first) | UInt64(last) &<< UInt64(8 &* (count &- 4))
        }
        // Of up to three bytes the first, the middle and the last are all; they may be the same.
        let middle = count / 2
        return UInt64(load(as: UInt8.self))
            | UInt64(load(fromByteOffset: middle, as: UInt8.self)) &<< UInt64(8 &* middle)
            | UInt64(load(fromByteOffset: count &- 1, as: UInt8.self)) &<< UInt64(8 &* (count &- 1))
    }
}
