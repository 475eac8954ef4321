/// The part of a cluster's keys that a key belongs to: 0 to 16383 (Redis documentation, "Redis cluster specification").
enum RedisSlot {
    /// CRC-16/XMODEM of a key, or of what stands between its first braces, modulo 16384.
    static func of(tag: String) -> Int {
        var sum: UInt16 = 0
        for byte in tag.utf8 {
            sum ^= UInt16(byte) << 8
            for _ in 0..<8 { sum = sum & 0x8000 != 0 ? sum << 1 ^ 0x1021 : sum << 1 }
        }
        return Int(sum & 0x3FFF)
    }
}
