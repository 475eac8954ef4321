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
