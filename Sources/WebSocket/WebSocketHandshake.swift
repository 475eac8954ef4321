internal import Crypto
internal import HTTPCore

/// The opening handshake (RFC 6455, section 4) as pure functions: what is sent, and whether the answer is right.
enum WebSocketHandshake {
    /// The version of the protocol (RFC 6455, section 4.1).
    static let version = "13"
    /// Joined to the key to prove that the server speaks WebSocket (RFC 6455, section 1.3).
    private static let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    private static let ownFields = [
        "host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol",
        "sec-websocket-extensions", "content-length", "transfer-encoding",
    ]

    /// A key of 16 random bytes.
    static func makeKey() -> String {
        Base64.encode(randomBytes(16))
    }

    /// The answer to a key.
    static func accept(_ key: String) -> String {
        Base64.encode(SHA1.digest(of: key + guid))
    }

    /// The client's request.
    ///
    /// - Parameter headers: fields of the caller's; those that make the handshake are left out.
    /// - Returns: nil when a field or a subprotocol holds what HTTP forbids there.
    static func request(_ url: WebSocketURL, key: String, headers: HTTPFields, subprotocols: [String]) -> [UInt8]? {
        var text =
            "GET \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        text += "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: \(version)\r\n"
        if !subprotocols.isEmpty {
            guard subprotocols.allSatisfy(isToken) else { return nil }
            text += "Sec-WebSocket-Protocol: \(subprotocols.joined(separator: ", "))\r\n"
        }
        for field in headers.fields {
            guard isToken(field.name), field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                return nil
            }
            if ownFields.contains(where: { HTTPFields.isSameName($0, field.name) }) { continue }
            text += "\(field.name): \(field.value)\r\n"
        }
        return Array((text + "\r\n").utf8)
    }

    /// Checks the fields of an answer of 101 (RFC 6455, section 4.1).
    ///
    /// - Returns: the subprotocol that the server has chosen.
    /// - Throws: ``WebSocketError`` with the code `badHandshake`.
    static func check(
        _ fields: HTTPFields, key: String, subprotocols: [String]
    ) throws(WebSocketError) -> String? {
        func bad(_ words: String) -> WebSocketError { WebSocketError(.badHandshake, words) }
        guard let upgrade = fields["Upgrade"], isSame(upgrade, "websocket") else {
            throw bad("the answer does not upgrade to websocket")
        }
        guard fields.values(of: "Connection").contains(where: { hasItem("upgrade", in: $0) }) else {
            throw bad("the answer's Connection does not name Upgrade")
        }
        guard fields.values(of: "Sec-WebSocket-Accept") == [accept(key)] else {
            throw bad("the answer's Sec-WebSocket-Accept does not fit the key")
        }
        guard fields["Sec-WebSocket-Extensions"].map(\.isEmpty) ?? true else {
            throw bad("the server uses an extension that was not asked for")
        }
        let chosen = fields.values(of: "Sec-WebSocket-Protocol")
        guard chosen.count <= 1, chosen.allSatisfy(subprotocols.contains) else {
            throw bad("the server chose a subprotocol that was not asked for")
        }
        return chosen.first
    }

    /// The items of a comma-separated list (RFC 9110, section 5.6.1).
    static func items(_ list: String) -> [String] {
        list.utf8.split(separator: UInt8(ascii: ",")).map { item in
            let trimmed = item.drop { $0 == 0x20 || $0 == 0x09 }
            let end = trimmed.lastIndex { $0 != 0x20 && $0 != 0x09 }
            return end.map { String(decoding: trimmed[...$0], as: UTF8.self) } ?? ""
        }
    }

    /// True when a list holds an item, whatever its case.
    static func hasItem(_ item: String, in list: String) -> Bool {
        items(list).contains { isSame($0, item) }
    }

    /// True when two ASCII texts are the same but for case.
    static func isSame(_ left: String, _ right: String) -> Bool {
        HTTPFields.isSameName(left, right)
    }

    /// True for a token (RFC 9110, section 5.6.2).
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default:
                    "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
