internal import HTTPCore

/// Reads the head of a server's answer to the handshake, in whatever pieces it comes.
struct WebSocketAnswer {
    /// The head as it was understood.
    struct Head: Equatable {
        let status: HTTPStatus
        let fields: HTTPFields
    }

    /// The most bytes of a head; several times what servers send.
    private static let maxBytes = 65_536

    private var bytes: [UInt8] = []

    /// What came behind the head.
    var rest: [UInt8] { bytes }

    /// Takes a piece.
    ///
    /// - Returns: the head when it is complete, interim ones (RFC 9110, section 15.2) left out; nil when more is needed.
    /// - Throws: ``WebSocketError`` with the code `badHandshake` for what is not HTTP/1.1.
    mutating func take(_ piece: some Sequence<UInt8>) throws(WebSocketError) -> Head? {
        bytes.append(contentsOf: piece)
        while let head = try takeHead() {
            if head.status.code >= 200 || head.status.code == 101 { return head }
        }
        return nil
    }

    private mutating func takeHead() throws(WebSocketError) -> Head? {
        // What does not begin as HTTP need not wait for the end of a head that never comes.
        guard zip(bytes, "HTTP/1.".utf8).allSatisfy(==) else { throw WebSocketAnswer.notHTTP }
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        while true {
            guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else {
                guard bytes.count <= WebSocketAnswer.maxBytes else { throw WebSocketAnswer.notHTTP }
                return nil
            }
            guard end > start, bytes[end - 1] == UInt8(ascii: "\r") else { throw WebSocketAnswer.notHTTP }
            let line = bytes[start..<(end - 1)]
            start = end + 1
            if line.isEmpty { break }
            lines.append(line)
        }
        let head = try WebSocketAnswer.parse(lines)
        bytes.removeSubrange(..<start)
        return head
    }

    private static func parse(_ lines: [ArraySlice<UInt8>]) throws(WebSocketError) -> Head {
        // "HTTP/1.1 101 Switching Protocols": the phrase may be missing.
        guard let first = lines.first, first.count >= 12, first.starts(with: "HTTP/1.1 ".utf8) else { throw notHTTP }
        let digits = first.dropFirst(9).prefix(3)
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }),
            first.count == 12 || first[first.startIndex + 12] == 0x20
        else { throw notHTTP }
        let code = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard (100...599).contains(code) else { throw notHTTP }
        var fields = HTTPFields()
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw notHTTP }
            let name = String(decoding: line[..<colon], as: UTF8.self)
            let value = line[(colon + 1)...]
            guard WebSocketHandshake.isToken(name), value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw notHTTP
            }
            let trimmed = value.drop { $0 == 0x20 || $0 == 0x09 }
            let end = trimmed.lastIndex { $0 != 0x20 && $0 != 0x09 }
            fields.append(name, end.map { String(decoding: trimmed[...$0], as: UTF8.self) } ?? "")
        }
        return Head(status: HTTPStatus(code), fields: fields)
    }

    private static let notHTTP = WebSocketError(.badHandshake, "the server's answer is not HTTP/1.1")
}
