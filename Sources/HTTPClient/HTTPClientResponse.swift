public import HTTPCore

/// A whole answer.
public struct HTTPClientResponse: Sendable {
    /// The status of the answer.
    public let status: HTTPStatus
    /// The content, decoded where the request asked for compression.
    public let body: [UInt8]
    /// The time from the answer's first byte to its last.
    public let timeOfBody: Duration
    private let head: ResponseHead

    /// An answer of these parts, as tests make them.
    public init(status: HTTPStatus, headers: HTTPFields = HTTPFields(), body: [UInt8] = []) {
        self.status = status
        self.body = body
        timeOfBody = .zero
        head = ResponseHead(fields: headers)
    }

    init(status: HTTPStatus, head: ResponseHead, body: [UInt8], timeOfBody: Duration) {
        self.status = status
        self.timeOfBody = timeOfBody
        self.head = head
        self.body = body
    }

    /// The first value of a header field, compared without case; cheaper than ``headers`` for one look.
    public func header(_ name: String) -> String? { head.value(of: name) }

    /// The header fields; made from the wire's bytes at each call, so keep the value when it is used more than once.
    public var headers: HTTPFields { head.fields }
}
