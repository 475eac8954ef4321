internal import Glibc

/// The address at the other end of a connection, kept as bytes until somebody asks for its text.
public struct HTTPPeer: Sendable, Hashable {
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private var isKnown = false

    /// The client's port.
    public private(set) var port: UInt16 = 0

    /// An address that is not known, as in a request made by a test.
    public init() {}

    /// The address that `accept` filled in; what is neither IPv4 nor IPv6 stays unknown.
    init(_ storage: sockaddr_storage) {
        let family = Int32(storage.ss_family)
        withUnsafeBytes(of: storage) { raw in
            switch family {
            case AF_INET:
                let address = raw.loadUnaligned(as: sockaddr_in.self)
                // Kept as an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2), so that there is one form of each.
                low = 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: address.sin_addr.s_addr))
                port = UInt16(bigEndian: address.sin_port)
                isKnown = true
            case AF_INET6:
                let offset = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8
                high = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                low = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
                port = UInt16(bigEndian: raw.loadUnaligned(as: sockaddr_in6.self).sin6_port)
                isKnown = true
            default:
                break
            }
        }
    }

    /// The address in a text: `127.0.0.1`, `2001:db8::1`, also with brackets or a port as proxies write them.
    ///
    /// - Returns: nil when it is none.
    public init?(_ text: String) {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            text = text[text.index(after: text.startIndex)..<end]
        } else if let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") {
            text = text[..<colon]
        }
        var v4 = in_addr()
        var v6: (UInt64, UInt64) = (0, 0)
        if inet_pton(AF_INET, String(text), &v4) == 1 {
            low = 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: v4.s_addr))
        } else if inet_pton(AF_INET6, String(text), &v6) == 1 {
            (high, low) = (UInt64(bigEndian: v6.0), UInt64(bigEndian: v6.1))
        } else {
            return nil
        }
        isKnown = true
    }

    /// True for an IPv4 address.
    var isV4: Bool { isKnown && v4 != nil }

    /// True when the first bits of both, seen as IPv6 addresses, are the same.
    func isWithin(_ network: HTTPPeer, prefixLength: Int) -> Bool {
        guard isKnown else { return false }
        // A shift by 64 is zero in Swift, as is wanted here.
        let highMask = ~UInt64(0) << UInt64(max(0, 64 - prefixLength))
        let lowMask = ~UInt64(0) << UInt64(max(0, 128 - max(64, prefixLength)))
        return (high ^ network.high) & highMask == 0 && (low ^ network.low) & lowMask == 0
    }

    /// True for the addresses of private networks: RFC 1918, RFC 4193 (`fc00::/7`) and link-local ones.
    public var isPrivate: Bool {
        guard isKnown else { return false }
        guard let v4 else { return high >> 57 == 0x7E || high >> 54 == 0x3FA }
        return v4 >> 24 == 10 || v4 >> 20 == 0xAC1 || v4 >> 16 == 0xC0A8 || v4 >> 16 == 0xA9FE
    }

    /// What one customer of a network has: the address, or for IPv6 its first 64 bits, of which each customer has all the rest.
    public var site: HTTPPeer {
        var site = self
        site.port = 0
        if v4 == nil { site.low = 0 }
        return site
    }

    /// The IPv4 address in four bytes, where it is one.
    private var v4: UInt32? {
        high == 0 && low >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: low) : nil
    }

    /// The address as text, `127.0.0.1` or `2001:db8::1`; empty when it is not known.
    public var address: String {
        guard isKnown else { return "" }
        if let v4 {
            return "\(v4 >> 24).\(v4 >> 16 & 255).\(v4 >> 8 & 255).\(v4 & 255)"
        }
        var bytes = (high.bigEndian, low.bigEndian)
        return String(unsafeUninitializedCapacity: Int(INET6_ADDRSTRLEN)) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                guard inet_ntop(AF_INET6, &bytes, text.baseAddress, socklen_t(text.count)) != nil else { return 0 }
                return text.baseAddress.map { strlen($0) } ?? 0
            }
        }
    }

    /// True when the client is on this machine: 127.0.0.0/8 or ::1.
    ///
    /// An address that is not known is not loopback.
    public var isLoopback: Bool {
        guard isKnown else { return false }
        if let v4 { return v4 >> 24 == 127 }
        return high == 0 && low == 1
    }
}
