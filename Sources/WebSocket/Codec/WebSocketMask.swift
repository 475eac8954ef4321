/// The masking of payloads (RFC 6455, section 5.3): each byte is combined with one of the key's four, in turn.
enum WebSocketMask {
    /// Masks or unmasks bytes in place.
    ///
    /// - Parameters:
    ///   - key: the four bytes of the key, the first one highest.
    ///   - phase: how many bytes of the payload came before these.
    static func apply(_ key: UInt32, phase: Int, to bytes: inout [UInt8], from start: Int) {
        guard key != 0, start < bytes.count else { return }
        // Turned so that its first byte belongs to the first of ours, then laid out as in memory.
        let shift = UInt32(phase & 3) * 8
        let turned = shift == 0 ? key : key << shift | key >> (32 - shift)
        let four = turned.bigEndian
        let eight = UInt64(four) << 32 | UInt64(four)
        bytes.withUnsafeMutableBytes { raw in
            var index = start
            while index + 8 <= raw.count {
                let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                raw.storeBytes(of: word ^ eight, toByteOffset: index, as: UInt64.self)
                index += 8
            }
            var place: UInt32 = 0
            while index < raw.count {
                raw[index] ^= UInt8(truncatingIfNeeded: turned >> (24 - place * 8))
                place = (place + 1) & 3
                index += 1
            }
        }
    }
}
