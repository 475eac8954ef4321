internal import BridgeCore

/// Discord's ids: 64-bit numbers whose upper 42 bits are milliseconds since 2015 ("API reference", snowflakes).
enum DiscordSnowflake {
    /// When an id was given out; nil for what is no id.
    static func timestamp(_ id: String?) -> Timestamp? {
        // Ids of real things have at least 17 digits; a smaller number says nothing of a time.
        guard let id, id.utf8.count >= 15, let number = UInt64(id) else { return nil }
        let milliseconds = Int64(number >> 22) + 1_420_070_400_000
        return Timestamp(microseconds: milliseconds * 1000)
    }

    /// An id of a time, for simulated events.
    static func id(at time: Timestamp, number: Int64) -> String {
        let milliseconds = UInt64(clamping: time.microseconds / 1000 - 1_420_070_400_000)
        return String((milliseconds & 0x3FF_FFFF_FFFF) << 22 | UInt64(truncatingIfNeeded: number) & 0x3F_FFFF)
    }
}
