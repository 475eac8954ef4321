internal import Glibc

/// Tells addresses of the machine itself, of private networks and of special use from those of the Internet.
///
/// Whatever is not clearly an address of somebody's server on the Internet counts as private. The lists are IANA's registries of
/// special-purpose addresses ([RFC 6890](https://www.rfc-editor.org/rfc/rfc6890)).
enum PrivateAddress {
    /// Blocks of IPv4: the first address, and how many of its bits count.
    private static let blocks: [(first: UInt32, bits: Int)] = [
        (0x0000_0000, 8),  // this network
        (0x0A00_0000, 8),  // private
        (0x6440_0000, 10),  // shared by carriers
        (0x7F00_0000, 8),  // loopback
        (0xA9FE_0000, 16),  // link-local: clouds tell their secrets at 169.254.169.254
        (0xAC10_0000, 12),  // private
        (0xC000_0000, 24),  // protocol assignments
        (0xC000_0200, 24),  // documentation
        (0xC058_6300, 24),  // relays of 6to4
        (0xC0A8_0000, 16),  // private
        (0xC612_0000, 15),  // benchmarks
        (0xC633_6400, 24),  // documentation
        (0xCB00_7100, 24),  // documentation
        (0xE000_0000, 4),  // multicast
        (0xF000_0000, 4),  // reserved, and the broadcast
    ]

    /// True for an address of IPv4, in the order of the machine.
    static func contains(v4 address: UInt32) -> Bool {
        blocks.contains { (address ^ $0.first) >> (32 - UInt32($0.bits)) == 0 }
    }

    /// True for an address of IPv6, in the order of the machine.
    static func contains(v6 high: UInt64, _ low: UInt64) -> Bool {
        let embedded = UInt32(truncatingIfNeeded: low)
        // ::ffff:0:0/96, an address of IPv4 in other clothes; 64:ff9b::/96, one behind a translator (RFC 6052).
        if high == 0, low >> 32 == 0xFFFF { return contains(v4: embedded) }
        if high == 0x0064_FF9B_0000_0000, low >> 32 == 0 { return contains(v4: embedded) }
        // 2000::/3 is all that was ever given out.
        guard high >> 61 == 1 else { return true }
        switch high >> 48 {
        // 2001::/23, of which tunnels with an address of IPv4 within are a part; 2001:db8::/32, documentation.
        case 0x2001: return high >> 41 == 0x2001_0000 >> 9 || high >> 32 == 0x2001_0DB8
        // 2002::/16, with an address of IPv4 within (RFC 3056).
        case 0x2002: return contains(v4: UInt32(truncatingIfNeeded: high >> 16))
        // 3fff::/20, documentation (RFC 9637).
        case 0x3FFF: return (high >> 44) & 0xF == 0
        default: return false
        }
    }

    /// True for an address as the system knows it; any family but IPv4 and IPv6 is private.
    ///
    /// - Parameter address: a `sockaddr` with all that its family has.
    static func contains(_ address: UnsafeRawPointer) -> Bool {
        switch Int32(address.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET:
            let place = MemoryLayout<sockaddr_in>.offset(of: \.sin_addr) ?? 4
            return contains(v4: UInt32(bigEndian: address.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
        case AF_INET6:
            let place = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8
            return contains(address.loadUnaligned(fromByteOffset: place, as: in6_addr.self))
        default:
            return true
        }
    }

    /// True for an address in its usual form; what is no address is private.
    static func contains(text: UnsafePointer<CChar>) -> Bool {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return contains(v4: UInt32(bigEndian: v4.s_addr)) }
        var v6 = in6_addr()
        return inet_pton(AF_INET6, text, &v6) == 1 ? contains(v6) : true
    }

    private static func contains(_ address: in6_addr) -> Bool {
        withUnsafeBytes(of: address) { bytes in
            contains(
                v6: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }
}
