import BridgeCore
import Testing

@testable import Importer

struct TimeFormatTests {
    static func read(_ text: String, _ format: TimeFormat, offset: Int64 = 0) -> String? {
        var text = text
        return text.withUTF8 { format.microseconds(UnsafeRawBufferPointer($0), offset: offset) }
            .map { Timestamp(microseconds: $0).description }
    }

    @Test(
        arguments: [
            ("2026-11-20T10:00:00.123456Z", "2026-11-20T10:00:00.123456Z"),
            ("2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000000Z"),
            ("2024-02-29T23:59:60Z", "2024-03-01T00:00:00.000000Z"),
            ("2026-11-20 10:00:00", "2026-11-20T10:00:00.000000Z"), ("2026-11-20 10:00", "2026-11-20T10:00:00.000000Z"),
            ("2026-11-20", "2026-11-20T00:00:00.000000Z"), ("2026-11-20t10:00:00z", "2026-11-20T10:00:00.000000Z"),
            ("2026-11-20T10:00:00+07:00", "2026-11-20T03:00:00.000000Z"),
            ("2026-11-20T10:00:00.5-0330", "2026-11-20T13:30:00.500000Z"),
            ("2026-11-20 10:00:00+07", "2026-11-20T03:00:00.000000Z"),
            ("2026-11-20 10:00:00 UTC", "2026-11-20T10:00:00.000000Z"),
            ("2026-11-20 10:00:00.1234567891 +0000", "2026-11-20T10:00:00.123456Z"),
            (" 2026-11-20T10:00:00Z ", "2026-11-20T10:00:00.000000Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000000Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
            ("2023-02-29", nil), ("2026-13-01", nil), ("2026-11-20T24:00:00Z", nil), ("2026-11-20T10:00:00.Z", nil),
            ("2026-11-20T10:00:00+7", nil), ("2026-11-20T10:00:00Zx", nil), ("0000-01-01", nil), ("yesterday", nil),
            ("", nil),
            ("20261120", nil), ("2026-11-20T10", nil),
        ] as [(String, String?)])
    func `a text is a time of the calendar or none`(text: String, time: String?) {
        #expect(Self.read(text, .iso) == time)
        #expect(Self.read(text, .sqlite) == time)
        // A bare number is one of another kind.
        if text != "20261120" { #expect(Self.read(text, .auto) == time) }
    }

    @Test func `a local time without an offset is moved by that of the mapping`() {
        #expect(Self.read("2026-11-20 10:00:00", .sqlite, offset: 7 * 3600) == "2026-11-20T03:00:00.000000Z")
        #expect(Self.read("2026-11-20 10:00:00Z", .sqlite, offset: 7 * 3600) == "2026-11-20T10:00:00.000000Z")
    }

    @Test(
        arguments: [
            (TimeFormat.unix, Int64(1_700_000_000), "2023-11-14T22:13:20.000000Z"),
            (.unix, -1, "1969-12-31T23:59:59.000000Z"),
            (.unixMilliseconds, 1_700_000_000_123, "2023-11-14T22:13:20.123000Z"),
            (.unixMicroseconds, 1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
            (.auto, 1_700_000_000, "2023-11-14T22:13:20.000000Z"),
            (.auto, 1_700_000_000_123, "2023-11-14T22:13:20.123000Z"),
            (.auto, 1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
            (.auto, 1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456Z"),
            (.julianday, 2_440_588, "1970-01-01T12:00:00.000000Z"), (.unix, .max, nil), (.unixMilliseconds, .min, nil),
            (.unixMicroseconds, .max, nil), (.iso, 2024, nil),
        ] as [(TimeFormat, Int64, String?)])
    func `a whole number is a time`(format: TimeFormat, number: Int64, time: String?) {
        #expect(format.microseconds(number).map { Timestamp(microseconds: $0).description } == time)
    }

    @Test(
        arguments: [
            (TimeFormat.unix, 1_700_000_000.25, "2023-11-14T22:13:20.250000Z"),
            (.unixMilliseconds, 1_700_000_000_123.5, "2023-11-14T22:13:20.123500Z"),
            // As SQLite has it: SELECT julianday('2023-11-14 22:13:20.123').
            (.julianday, 2_460_263.425927349, "2023-11-14T22:13:20.123000Z"),
            (.auto, 2_460_263.425927349, "2023-11-14T22:13:20.123000Z"),
            (.auto, 1_700_000_000.25, "2023-11-14T22:13:20.250000Z"),
            (.julianday, 2_440_587.5, "1970-01-01T00:00:00.000000Z"), (.unix, .nan, nil), (.unix, .infinity, nil),
            (.unix, 1e18, nil), (.julianday, 1e9, nil),
        ] as [(TimeFormat, Double, String?)])
    func `a number with a fraction is a time`(format: TimeFormat, number: Double, time: String?) {
        #expect(format.microseconds(number).map { Timestamp(microseconds: $0).description } == time)
    }

    @Test func `digits in a text column are numbers`() {
        #expect(Self.read("1700000000", .unix) == "2023-11-14T22:13:20.000000Z")
        #expect(Self.read("1700000000123", .auto) == "2023-11-14T22:13:20.123000Z")
        #expect(Self.read("1700000000.5", .auto) == "2023-11-14T22:13:20.500000Z")
        #expect(Self.read("0x10", .unix) == nil || Self.read("0x10", .unix) == "1970-01-01T00:00:16.000000Z")
    }
}
