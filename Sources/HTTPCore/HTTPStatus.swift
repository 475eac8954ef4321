/// The status code of an HTTP response (RFC 9110, section 15).
public struct HTTPStatus: Sendable, Hashable, CustomStringConvertible {
    /// The three-digit code, 100 to 599.
    public let code: Int

    /// Wraps a code; what is outside 100 to 599 is a mistake of ours.
    public init(_ code: Int) {
        precondition((100...599).contains(code), "an HTTP status has three digits")
        self.code = code
    }

    /// True for 200 to 299.
    public var isSuccess: Bool { (200..<300).contains(code) }

    /// The phrase that RFC 9110 gives the code; empty for a code that it does not name.
    public var reason: String {
        switch code {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }

    /// The code in decimal.
    public var description: String { String(code) }

    /// The request was done.
    public static let ok = HTTPStatus(200)
    /// The request was taken, its work goes on.
    public static let accepted = HTTPStatus(202)
    /// Done, and there is no content.
    public static let noContent = HTTPStatus(204)
    /// The request is malformed.
    public static let badRequest = HTTPStatus(400)
    /// Credentials are missing or wrong.
    public static let unauthorized = HTTPStatus(401)
    /// The caller may not do this.
    public static let forbidden = HTTPStatus(403)
    /// No such resource.
    public static let notFound = HTTPStatus(404)
    /// The resource does not know the method.
    public static let methodNotAllowed = HTTPStatus(405)
    /// The content is over the limit.
    public static let contentTooLarge = HTTPStatus(413)
    /// Too many requests in a given time (RFC 6585, section 4).
    public static let tooManyRequests = HTTPStatus(429)
    /// A fault on our side.
    public static let internalServerError = HTTPStatus(500)
    /// Overloaded or stopping; try again later.
    public static let serviceUnavailable = HTTPStatus(503)
    /// Somebody whom we asked did not answer in time.
    public static let gatewayTimeout = HTTPStatus(504)
}
