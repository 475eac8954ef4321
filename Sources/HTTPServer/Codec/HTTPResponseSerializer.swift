internal import HTTPCore

/// Writes the heads and chunks of responses (RFC 9112, sections 4 to 7) to the end of a byte array.
enum HTTPResponseSerializer {
    /// How the client finds the end of the content.
    enum Framing: Equatable {
        /// There never is content: 1xx, 204, 304.
        case none
        /// So many bytes, also where HEAD leaves them out.
        case length(Int)
        /// Chunks, the last one empty.
        case chunked
        /// The end of the connection, for HTTP/1.0.
        case untilClose
    }

    private static let version = Array("HTTP/1.1 ".utf8)
    private static let lineEnd: [UInt8] = [.carriageReturn, .lineFeed]
    private static let lengthName = Array("Content-Length: ".utf8)
    private static let chunkedLine = Array("Transfer-Encoding: chunked\r\n".utf8)
    private static let upgradeLine = Array("Connection: Upgrade\r\n".utf8)
    private static let closeLine = Array("Connection: close\r\n".utf8)
    /// The last chunk and the empty trailer section.
    static let lastChunk = Array("0\r\n\r\n".utf8)
    /// The interim response that asks for the content.
    static let continueResponse = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    /// Writes a status line and the fields.
    ///
    /// The fields that frame the message are the server's own: those of the caller are left out, as is a field whose name is no
    /// token. Control characters in a value become spaces, so that no value can begin a line of its own.
    ///
    /// - Parameter dateLine: a complete `Date` line, or nothing.
    static func appendHead(
        _ status: HTTPStatus, _ fields: HTTPFields, framing: Framing, dateLine: [UInt8], isClosing: Bool,
        to output: inout [UInt8]
    ) {
        output.append(contentsOf: version)
        appendDecimal(status.code, to: &output)
        output.append(.space)
        output.append(contentsOf: status.reason.utf8)
        output.append(contentsOf: lineEnd)
        output.append(contentsOf: dateLine)
        for field in fields.fields where !isReserved(field.name) {
            appendField(field, to: &output)
        }
        switch framing {
        case .none, .untilClose:
            break
        case .length(let length):
            output.append(contentsOf: lengthName)
            appendDecimal(length, to: &output)
            output.append(contentsOf: lineEnd)
        case .chunked:
            output.append(contentsOf: chunkedLine)
        }
        if isClosing { output.append(contentsOf: closeLine) }
        output.append(contentsOf: lineEnd)
    }

    /// Writes the answer after which another protocol is spoken (RFC 9110, section 15.2.2).
    static func appendUpgrade(
        to protocolName: String, _ fields: HTTPFields, dateLine: [UInt8], to output: inout [UInt8]
    ) {
        var fields = fields
        fields["Upgrade"] = protocolName
        appendHead(HTTPStatus(101), fields, framing: .none, dateLine: dateLine, isClosing: false, to: &output)
        // In the place of the empty line, since `Connection` is the server's own field.
        output.removeLast(lineEnd.count)
        output.append(contentsOf: upgradeLine)
        output.append(contentsOf: lineEnd)
    }

    /// Writes one chunk; nothing for no bytes, since an empty chunk would be the last.
    static func appendChunk(_ bytes: [UInt8], to output: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        appendHexadecimal(bytes.count, to: &output)
        output.append(contentsOf: lineEnd)
        output.append(contentsOf: bytes)
        output.append(contentsOf: lineEnd)
    }

    private static func appendField(_ field: HTTPFields.Field, to output: inout [UInt8]) {
        guard !field.name.isEmpty, field.name.utf8.allSatisfy(\.isTokenByte) else { return }
        output.append(contentsOf: field.name.utf8)
        output.append(UInt8(ascii: ":"))
        output.append(.space)
        let start = output.count
        output.append(contentsOf: field.value.utf8)
        for index in start..<output.count where !output[index].isFieldValueByte {
            output[index] = .space
        }
        output.append(contentsOf: lineEnd)
    }

    /// The names whose lines the server writes itself.
    private static func isReserved(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: HTTPFields.isSameName(name, "date")
        case 10: HTTPFields.isSameName(name, "connection")
        case 14: HTTPFields.isSameName(name, "content-length")
        case 17: HTTPFields.isSameName(name, "transfer-encoding")
        default: false
        }
    }

    private static func appendDecimal(_ number: Int, to output: inout [UInt8]) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            output.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    private static func appendHexadecimal(_ number: Int, to output: inout [UInt8]) {
        var shift = (Int.bitWidth - max(number.leadingZeroBitCount, 0) + 3) / 4 * 4 - 4
        while shift >= 0 {
            let digit = UInt8(number >> shift & 15)
            output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            shift -= 4
        }
    }
}
