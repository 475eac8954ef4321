/// The checksum of the spool's records: CRC-32C (Castagnoli; RFC 3720, section 12.1), which finds torn and flipped bytes.
enum CRC32C {
    /// Four tables, so that four bytes take one step ("slicing", Kounavis and Berry, 2005).
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 4 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
            tables[byte] = value
        }
        for byte in 0..<256 {
            for table in 1..<4 {
                let previous = tables[(table - 1) * 256 + byte]
                tables[table * 256 + byte] = previous >> 8 ^ tables[Int(previous & 0xFF)]
            }
        }
        return tables
    }()

    /// The checksum of the bytes, or of what came before and the bytes.
    static func checksum(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
        tables.withUnsafeBufferPointer { table in
            var value = ~previous
            var index = 0
            while index + 4 <= bytes.count {
                value ^= UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
                value =
                    table[768 + Int(value & 0xFF)] ^ table[512 + Int(value >> 8 & 0xFF)]
                    ^ table[256 + Int(value >> 16 & 0xFF)] ^ table[Int(value >> 24)]
                index += 4
            }
            while index < bytes.count {
                value = value >> 8 ^ table[Int((value ^ UInt32(bytes[index])) & 0xFF)]
                index += 1
            }
            return ~value
        }
    }
}
