/// A `ws` or `wss` URL (RFC 6455, section 3) in the parts that the handshake and curl need.
struct WebSocketURL: Equatable {
    /// True for `wss` and `https`.
    let isEncrypted: Bool
    /// Host and port as they stood in the URL.
    let authority: String
    /// Path and query; at least `/`.
    let target: String

    /// Where curl connects to.
    var connectURL: String { "\(isEncrypted ? "https" : "http")://\(authority)/" }

    /// Takes a URL apart; nil for other schemes, for names and passwords in it, for fragments, and for what no URL holds.
    init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        switch String(text[..<colon]).lowercased() {
        case "ws", "http": isEncrypted = false
        case "wss", "https": isEncrypted = true
        default: return nil
        }
        let rest = text[colon...].utf8
        guard rest.starts(with: "://".utf8), !rest.contains(UInt8(ascii: "#")) else { return nil }
        let start = rest.index(rest.startIndex, offsetBy: 3)
        let end = rest[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        guard start < end, !rest[start..<end].contains(UInt8(ascii: "@")) else { return nil }
        authority = String(text[start..<end])
        let tail = text[end...]
        target = tail.utf8.first == UInt8(ascii: "/") ? String(tail) : "/" + tail
    }
}
