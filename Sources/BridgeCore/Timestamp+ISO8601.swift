extension Timestamp {
    /// The time in UTC with six digits of the second, as in `2026-11-20T10:00:00.123456Z` (RFC 3339).
    ///
    /// Years outside 0 to 9999, which the form cannot hold, are written as the nearest end.
    public var description: String {
        String(unsafeUninitializedCapacity: 27) { buffer in
            if let start = buffer.baseAddress { write(to: UnsafeMutableRawPointer(start)) }
            return 27
        }
    }

    /// Writes the 27 characters of ``description`` to memory that has room for them.
    func write(to output: UnsafeMutableRawPointer) {
        let earliest: Int64 = -62_167_219_200_000_000
        let latest: Int64 = 253_402_300_799_999_999
        let clamped = min(max(microseconds, earliest), latest)
        let (quotient, remainder) = clamped.quotientAndRemainder(dividingBy: 86_400_000_000)
        let days = remainder < 0 ? quotient - 1 : quotient
        let rest = remainder < 0 ? remainder + 86_400_000_000 : remainder
        let date = CivilDate(daysSinceEpoch: days)
        let seconds = rest / 1_000_000
        func put(_ value: Int64, at place: Int, then mark: UInt8) {
            let value = UInt32(truncatingIfNeeded: value)
            output.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 + value / 10), toByteOffset: place, as: UInt8.self)
            output.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 + value % 10), toByteOffset: place + 1, as: UInt8.self)
            output.storeBytes(of: mark, toByteOffset: place + 2, as: UInt8.self)
        }
        let fraction = rest % 1_000_000
        // Each mark behind the first half of a longer number is written over by the second.
        put(date.year / 100, at: 0, then: 0)
        put(date.year % 100, at: 2, then: UInt8(ascii: "-"))
        put(date.month, at: 5, then: UInt8(ascii: "-"))
        put(date.day, at: 8, then: UInt8(ascii: "T"))
        put(seconds / 3600, at: 11, then: UInt8(ascii: ":"))
        put(seconds / 60 % 60, at: 14, then: UInt8(ascii: ":"))
        put(seconds % 60, at: 17, then: UInt8(ascii: "."))
        put(fraction / 10_000, at: 20, then: 0)
        put(fraction / 100 % 100, at: 22, then: 0)
        put(fraction % 100, at: 24, then: UInt8(ascii: "Z"))
    }

    /// Reads the form that ``description`` writes, 27 characters, and no other.
    public init?(canonical text: UnsafeRawBufferPointer) {
        guard text.count == 27, text[4] == 0x2d, text[7] == 0x2d, text[10] == 0x54, text[13] == 0x3a, text[16] == 0x3a,
            text[19] == 0x2e, text[26] == 0x5a
        else { return nil }
        var isDigits = true
        func number(_ start: Int, _ count: Int) -> Int64 {
            var value: Int64 = 0
            for position in start..<(start + count) {
                let digit = text[position] &- 0x30
                isDigits = isDigits && digit < 10
                value = value &* 10 &+ Int64(digit)
            }
            return value
        }
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2))
        let (hour, minute, second) = (number(11, 2), number(14, 2), number(17, 2))
        let fraction = number(20, 6)
        guard isDigits, hour < 24, minute < 60, second <= 60, let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        let seconds = date.daysSinceEpoch * 86_400 + hour * 3600 + minute * 60 + second
        self.init(microseconds: seconds * 1_000_000 + fraction)
    }

    /// Reads a time of RFC 3339: `T` or a space, a fraction of any length (cut at microseconds), `Z` or an offset.
    ///
    /// - Returns: nil for anything else, and for a date that no calendar has.
    public init?(_ text: String) {
        var bytes = Array(text.utf8)[...]
        func number(_ digits: Int) -> Int64? {
            guard bytes.count >= digits else { return nil }
            var value: Int64 = 0
            for byte in bytes.prefix(digits) {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            bytes = bytes.dropFirst(digits)
            return value
        }
        func skip(_ marks: String) -> Bool {
            guard let first = bytes.first, marks.utf8.contains(first) else { return false }
            bytes = bytes.dropFirst()
            return true
        }
        guard let year = number(4), skip("-"), let month = number(2), skip("-"), let day = number(2), skip("Tt "),
            let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2),
            let date = CivilDate(year: year, month: month, day: day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction: Int64 = 0
        if skip(".") {
            var weight: Int64 = 100_000
            guard let first = bytes.first, (0x30...0x39).contains(first) else { return nil }
            while let digit = number(1) {
                fraction += digit * weight
                weight /= 10
            }
        }
        var offset: Int64 = 0
        if let sign = bytes.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            bytes = bytes.dropFirst()
            guard let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else {
                return nil
            }
            offset = (hours * 3600 + minutes * 60) * (sign == UInt8(ascii: "-") ? -1 : 1)
        } else if !skip("Zz") {
            return nil
        }
        guard bytes.isEmpty else { return nil }
        let seconds = date.daysSinceEpoch * 86_400 + hour * 3600 + minute * 60 + second - offset
        self.init(microseconds: seconds * 1_000_000 + fraction)
    }
}

/// A day of the proleptic Gregorian calendar; the arithmetic is Howard Hinnant's "chrono-compatible low-level date algorithms".
struct CivilDate: Equatable {
    let year: Int64
    let month: Int64
    let day: Int64

    init(daysSinceEpoch days: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    init?(year: Int64, month: Int64, day: Int64) {
        guard (1...12).contains(month), (1...31).contains(day) else { return nil }
        self.year = year
        self.month = month
        self.day = day
        // A day that the month does not have comes back as another date.
        guard CivilDate(daysSinceEpoch: daysSinceEpoch) == self else { return nil }
    }

    var daysSinceEpoch: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
