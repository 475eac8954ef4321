/// Scheme, host and port of a URL that came from outside, read so strictly that no client can take it for another.
///
/// An address with a name and password before the host, a backslash, an escaped or non-ASCII host, or a number where a name is
/// expected is refused: parsers differ there, and a check that reads another host than the client connects to is none
/// ([RFC 3986](https://www.rfc-editor.org/rfc/rfc3986), section 7.6).
public struct WebOrigin: Sendable, Hashable {
    /// True for `https`.
    public let isEncrypted: Bool
    /// The host in lower case without a dot at its end; an IPv6 address in its brackets.
    public let host: String
    /// The port, the scheme's own where none is given.
    public let port: Int

    /// Reads a URL's origin; nil for anything but a plain `http` or `https` address.
    public init?(_ url: String) {
        let bytes = url.utf8
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
        let lower = url.prefix(8).lowercased()
        guard lower.hasPrefix("https://") || lower.hasPrefix("http://") else { return nil }
        isEncrypted = lower.hasPrefix("https://")
        let authority = bytes.dropFirst(isEncrypted ? 8 : 7).prefix {
            $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
        }
        let isBracketed = authority.first == UInt8(ascii: "[")
        let nameEnd =
            isBracketed
            ? authority.firstIndex(of: UInt8(ascii: "]")).map { authority.index(after: $0) }
            : authority.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
        guard let nameEnd else { return nil }
        var name = authority[..<nameEnd]
        let rest = authority[nameEnd...]
        if rest.isEmpty {
            port = isEncrypted ? 443 : 80
        } else {
            guard rest.first == UInt8(ascii: ":"), (2...6).contains(rest.count),
                rest.dropFirst().allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(String(decoding: rest.dropFirst(), as: UTF8.self)), (1...65_535).contains(number)
            else { return nil }
            port = number
        }
        if !isBracketed, name.last == UInt8(ascii: ".") { name = name.dropLast() }
        guard !name.isEmpty, name.allSatisfy(isBracketed ? WebOrigin.isAddressByte : WebOrigin.isNameByte) else {
            return nil
        }
        host = String(decoding: name, as: UTF8.self).lowercased()
        if !isBracketed, WebOrigin.isOddNumber(host) { return nil }
    }

    /// True where the host is one of these domains or below one of them, and is reached by `https` on its usual port.
    ///
    /// - Parameter domains: in lower case, as `slack.com`.
    public func isWithin(_ domains: [String]) -> Bool {
        guard isEncrypted, port == 443 else { return false }
        return domains.contains { domain in
            guard host.hasSuffix(domain) else { return false }
            let rest = host.utf8.count - domain.utf8.count
            return rest == 0 || host.utf8.dropFirst(rest - 1).first == UInt8(ascii: ".")
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: [UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "["), UInt8(ascii: "]")].contains(byte)
        }
    }

    /// True for forms of an IPv4 address other than the usual one: `2130706433`, `0x7f.1`, `127.1`, `0177.0.0.1`.
    private static func isOddNumber(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        // What ends in a number is an address, or nothing at all (URL Standard, "ends in a number checker").
        guard let last = parts.last, last.utf8.allSatisfy({ (0x30...0x39).contains($0) }) || last.hasPrefix("0x") else {
            return false
        }
        guard parts.count == 4 else { return true }
        return !parts.allSatisfy { part in
            guard let number = Int(part), (0...255).contains(number) else { return false }
            return String(number) == part
        }
    }
}
