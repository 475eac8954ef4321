public import HTTPCore

/// What a handler answers.
///
/// The server adds `Date`, `Content-Length` or `Transfer-Encoding`, and `Connection`; the handler's own lines of these names are
/// left out, but for `Connection: close`, which closes the connection after the response.
public struct HTTPResponse: Sendable {
    /// The content: there, or yet to be written.
    public enum Body: Sendable {
        /// All of it.
        case bytes([UInt8])
        /// A function that writes it piece by piece; when it throws, the connection is cut so that the client can tell.
        case stream(@Sendable (HTTPBodyWriter) async throws -> Void)
    }

    /// The status.
    public var status: HTTPStatus
    /// The fields; control characters in values are sent as spaces.
    public var headers: HTTPFields
    /// The content; not sent in answer to HEAD, and never with 204 and 304.
    public var body: Body

    /// A response of these parts.
    public init(_ status: HTTPStatus = .ok, headers: HTTPFields = HTTPFields(), body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Plain text in UTF-8.
    public static func text(_ text: String, status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(
            status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: .bytes(Array(text.utf8)))
    }

    /// A JSON text in UTF-8, taken as it is.
    public static func json(_ bytes: [UInt8], status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(status, headers: ["Content-Type": "application/json"], body: .bytes(bytes))
    }

    /// The error body of the outside contract: `{"error":{"code":"…","message":"…"}}`.
    ///
    /// - Parameter code: for programs, in snake case.
    /// - Parameter message: for people; it is sent to the caller, so no secrets.
    public static func error(
        _ status: HTTPStatus, code: String, message: String, headers: HTTPFields = HTTPFields()
    ) -> HTTPResponse {
        var body = Array(#"{"error":{"code":""#.utf8)
        appendEscaped(code, to: &body)
        body.append(contentsOf: #"","message":""#.utf8)
        appendEscaped(message, to: &body)
        body.append(contentsOf: #""}}"#.utf8)
        var response = json(body, status: status)
        response.headers.fields.append(contentsOf: headers.fields)
        return response
    }

    /// Server-sent events (WHATWG HTML, section 9.2): use `send(event:id:data:)` of the writer.
    ///
    /// Heartbeats are the caller's.
    public static func eventStream(
        headers: HTTPFields = HTTPFields(), _ body: @escaping @Sendable (HTTPBodyWriter) async throws -> Void
    ) -> HTTPResponse {
        // `X-Accel-Buffering` turns off nginx's buffering of this response alone (ngx_http_proxy_module, proxy_buffering).
        var fields: HTTPFields = [
            "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
        ]
        fields.fields.append(contentsOf: headers.fields)
        return HTTPResponse(headers: fields, body: .stream(body))
    }

    /// Escapes what a JSON string cannot hold as it is (RFC 8259, section 7).
    private static func appendEscaped(_ text: String, to output: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case 0..<0x20:
                output.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")])
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 15)])
            default:
                output.append(byte)
            }
        }
    }
}
