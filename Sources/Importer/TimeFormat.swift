/// How a column writes times.
enum TimeFormat: String, Sendable, CaseIterable {
    /// By the value: see the other cases. A number's magnitude tells its unit.
    case auto
    /// `2026-11-20T10:00:00.123Z`, with any offset; without one it is UTC.
    case iso
    /// Seconds since 1970, whole or with a fraction.
    case unix
    /// Milliseconds since 1970.
    case unixMilliseconds = "unix-ms"
    /// Microseconds since 1970.
    case unixMicroseconds = "unix-us"
    /// SQLite's own: `2026-11-20 10:00:00`, which is UTC.
    case sqlite
    /// Days since noon in Greenwich on 24 November 4714 B.C., as SQLite's `julianday()` gives them.
    case julianday

    /// Postgres's and RFC 3339's common range: the years 1 to 9999.
    private static let range: ClosedRange<Int64> = -62_135_596_800_000_000...253_402_300_799_999_999

    /// The microseconds since 1970 that a text stands for; nil when it is no such time.
    ///
    /// - Parameter offset: How many seconds the local time of texts without an offset is ahead of UTC.
    func microseconds(_ text: UnsafeRawBufferPointer, offset: Int64 = 0) -> Int64? {
        switch self {
        case .iso, .sqlite: return Self.calendar(text, offset: offset)
        case .auto:
            if let time = Self.calendar(text, offset: offset) { return time }
            return Self.number(text).flatMap { microseconds($0) }
        default: return Self.number(text).flatMap { microseconds($0) }
        }
    }

    /// The microseconds since 1970 that a whole number stands for.
    func microseconds(_ number: Int64) -> Int64? {
        let factor: Int64
        switch self {
        case .unix: factor = 1_000_000
        case .unixMilliseconds: factor = 1000
        case .unixMicroseconds: factor = 1
        case .auto:
            // Seconds until the year 5138, milliseconds from 1973 on, microseconds likewise; then nanoseconds.
            switch number.magnitude {
            case ..<100_000_000_000: factor = 1_000_000
            case ..<100_000_000_000_000: factor = 1000
            case ..<100_000_000_000_000_000: factor = 1
            default: return Self.inRange(number / 1000)
            }
        case .iso, .sqlite, .julianday: return microseconds(Double(number))
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : Self.inRange(product)
    }

    /// The microseconds since 1970 that a number stands for.
    func microseconds(_ number: Double) -> Int64? {
        guard number.isFinite, abs(number) < 1e19 else { return nil }
        switch self {
        case .unix: return Self.rounded(number * 1e6)
        case .unixMilliseconds: return Self.rounded(number * 1000)
        case .unixMicroseconds: return Self.rounded(number)
        // Days and microseconds apart: together they need more digits than a double has.
        case .julianday, .sqlite:
            let days = number.rounded(.down)
            // A double of today's date has some 40 µs; SQLite itself rounds to milliseconds.
            let milliseconds = ((number - days) * 86_400_000).rounded()
            return Self.rounded((days * 86_400_000 + milliseconds - 210_866_760_000_000) * 1000)
        case .auto:
            // SQLite's functions take a number for a Julian day in the range of their calendar; as Unix time it would be
            // January 1970.
            if number != number.rounded(), (1_721_059.5..<5_373_484.5).contains(number) {
                return TimeFormat.julianday.microseconds(number)
            }
            if abs(number) < 1e11 { return Self.rounded(number * 1e6) }
            return Int64(exactly: number.rounded()).flatMap { microseconds($0) }
        case .iso: return nil
        }
    }

    private static func rounded(_ number: Double) -> Int64? { Int64(exactly: number.rounded()).flatMap(inRange) }

    private static func inRange(_ time: Int64) -> Int64? { range.contains(time) ? time : nil }

    private static func number(_ text: UnsafeRawBufferPointer) -> Double? {
        guard !text.isEmpty, text.count < 40 else { return nil }
        return Double(String(decoding: text, as: UTF8.self))
    }

    /// `YYYY-MM-DD`, then perhaps a time with or without seconds, then perhaps an offset.
    private static func calendar(_ text: UnsafeRawBufferPointer, offset local: Int64) -> Int64? {
        var reader = Digits(text: text)
        guard let year = reader.number(4), reader.skip(0x2d), let month = reader.number(2), reader.skip(0x2d),
            let day = reader.number(2), let days = days(year, month, day)
        else { return nil }
        var time: Int64 = 0
        var offset = local
        if reader.skip(0x54) || reader.skip(0x74) || reader.skip(0x20) {
            guard let hour = reader.number(2), hour < 24, reader.skip(0x3a), let minute = reader.number(2), minute < 60
            else { return nil }
            time = (hour * 3600 + minute * 60) * 1_000_000
            if reader.skip(0x3a) {
                guard let second = reader.number(2), second <= 60 else { return nil }
                time += second * 1_000_000
                if reader.skip(0x2e) || reader.skip(0x2c) {
                    guard let fraction = reader.fraction() else { return nil }
                    time += fraction
                }
            }
            guard let zone = reader.zone(else: local) else { return nil }
            offset = zone
        }
        guard reader.isAtEnd else { return nil }
        return inRange(days * 86_400_000_000 + time - offset * 1_000_000)
    }

    /// Days since 1970 of a day of the Gregorian calendar; nil when the month has no such day.
    ///
    /// The arithmetic is Howard Hinnant's ("chrono-compatible low-level date algorithms").
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64? {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let length: Int64 = month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
        guard (1...12).contains(month), (1...length).contains(day) else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

/// Reads a date from its bytes.
private struct Digits {
    let text: UnsafeRawBufferPointer
    var place = 0

    init(text: UnsafeRawBufferPointer) {
        // White space around is nobody's meaning.
        var range = text.startIndex..<text.endIndex
        while let first = range.first, text[first] == 0x20 { range = range.dropFirst() }
        while let last = range.last, text[last] == 0x20 { range = range.dropLast() }
        self.text = UnsafeRawBufferPointer(rebasing: text[range])
    }

    var isAtEnd: Bool { place == text.count }

    mutating func skip(_ byte: UInt8) -> Bool {
        guard place < text.count, text[place] == byte else { return false }
        place += 1
        return true
    }

    mutating func number(_ digits: Int) -> Int64? {
        guard place + digits <= text.count else { return nil }
        var value: Int64 = 0
        for index in place..<(place + digits) {
            let digit = text[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
        }
        place += digits
        return value
    }

    /// Microseconds; digits behind the sixth are cut off.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var weight: Int64 = 100_000
        let start = place
        while let digit = number(1) {
            value += digit * weight
            weight /= 10
        }
        return place > start ? value : nil
    }

    /// Seconds ahead of UTC: `Z`, ` UTC`, `+07:00`, `+0700`, `+07`, or nothing.
    mutating func zone(else local: Int64) -> Int64? {
        if isAtEnd { return local }
        if skip(0x5a) || skip(0x7a) { return 0 }
        _ = skip(0x20)
        if text.count - place == 3, skip(0x55), skip(0x54), skip(0x43) { return 0 }
        let isWest = skip(0x2d)
        guard isWest || skip(0x2b), let hours = number(2), hours < 24 else { return nil }
        var minutes: Int64 = 0
        if !isAtEnd {
            _ = skip(0x3a)
            guard let read = number(2), read < 60 else { return nil }
            minutes = read
        }
        return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
    }
}
