import BridgeCore
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_795_168_800_123_456, "2026-11-20T10:00:00.123456Z"),
        (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (-62_167_219_200_000_000, "0000-01-01T00:00:00.000000Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
    ])
    func `a time is written and read as RFC 3339 has it`(microseconds: Int64, text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        ("2026-11-20T10:00:00Z", 1_795_168_800_000_000), ("2026-11-20 10:00:00.5Z", 1_795_168_800_500_000),
        ("2026-11-20T12:30:00.123456789+02:30", 1_795_168_800_123_456),
        ("2026-11-20T05:00:00-05:00", 1_795_168_800_000_000),
    ])
    func `other forms of RFC 3339 are read`(text: String, microseconds: Int64) {
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "2026-11-20", "2026-11-20T10:00:00", "2026-02-30T10:00:00Z", "2026-13-01T10:00:00Z", "2026-11-20T24:00:00Z",
        "2026-11-20T10:60:00Z", "2026-11-20T10:00:00.Z", "2026-11-20T10:00:00Zz", "20261120T100000Z",
        "2026-11-20T10:00:00+2:00",
    ])
    func `what is no time is refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(arguments: [
        "2026-11-20T10:00:00.123456Z", "0000-01-01T00:00:00.000000Z", "9999-12-31T23:59:60.999999Z",
        "2024-02-29T00:00:00.000001Z", "2026-02-29T00:00:00.000000Z", "2026-13-01T00:00:00.000000Z",
        "2026-11-20T24:00:00.000000Z", "2026-11-20T10:60:00.000000Z", "2026-11-20T10:00:61.000000Z",
        "2026-11-20 10:00:00.123456Z", "2026-11-20T10:00:00.12345Z", "2026-11-20T10:00:00.1234567Z",
        "2026-11-20T10:00:00.123456z", "2026-11-20T10:00:00,123456Z", "2026-1a-20T10:00:00.123456Z", "",
    ])
    func `the canonical form is read as every other`(text: String) {
        let read = Array(text.utf8).withUnsafeBytes { Timestamp(canonical: $0) }
        guard let read else {
            // Nothing of that form is refused that is a time.
            let parsed = Timestamp(text)
            #expect(parsed == nil || text.utf8.count != 27 || text.contains(" ") || text.contains("z"))
            return
        }
        #expect(Timestamp(text) == read)
    }

    @Test func `every day of four centuries comes back`() {
        for day in stride(from: Int64(-100_000), through: 46_097, by: 1) {
            let time = Timestamp(microseconds: day * 86_400_000_000 + 1)
            #expect(Timestamp(time.description) == time)
        }
    }

    @Test func `arithmetic stops at the ends of the range`() {
        #expect(Timestamp(microseconds: .max).advanced(by: .seconds(1)).microseconds == .max)
        #expect(Timestamp(seconds: .max).microseconds == .max)
        #expect(Timestamp(microseconds: 1_500_000).advanced(by: .milliseconds(-2500)).seconds == -1)
        #expect(Timestamp(microseconds: 5).duration(since: Timestamp(microseconds: 2)) == .microseconds(3))
    }
}
