public import HTTPClient
public import HTTPCore

/// Why a connection did not come about, or ended before its time.
///
/// Neither message nor description holds the URL's path or query: tickets stand in them.
public struct WebSocketError: Error, Sendable, CustomStringConvertible {
    /// Which limit of ``WebSocketTimeouts`` ran out.
    public enum Timeout: Sendable, Hashable {
        /// The handshake's answer did not come in time.
        case handshake
        /// The peer did not answer a ping.
        case pong
        /// The peer took no byte of what waited for it.
        case write
    }

    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// The URL is none of `ws`, `wss`, `http` and `https`, or cannot be read.
        case badURL
        /// A header field or subprotocol holds what HTTP forbids there.
        case badRequest
        /// There was no connection to speak on.
        case notConnected(HTTPClientError.Code)
        /// The server answered the handshake with another status than 101.
        case refused(HTTPStatus)
        /// The server's answer is not the one that RFC 6455 wants (section 4.1).
        case badHandshake
        /// A limit of time ran out.
        case timeout(Timeout)
        /// The peer broke the protocol.
        case protocolViolation(WebSocketFault)
        /// The connection ended without a close frame.
        case connectionLost
        /// The connection is closed or about to be.
        case closed
        /// The task was cancelled, which closes the socket.
        case cancelled
    }

    /// What kind of failure it was.
    public let code: Code
    /// The failure in words, for an operator.
    public let message: String

    /// An error of these parts.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    static let cancelled = WebSocketError(.cancelled, "the task was cancelled")
    static let closed = WebSocketError(.closed, "the connection is closed")
    static let lost = WebSocketError(.connectionLost, "the connection ended without a close frame")

    static func timeout(_ limit: Timeout) -> WebSocketError {
        switch limit {
        case .handshake: WebSocketError(.timeout(limit), "the handshake was not answered within the time allowed")
        case .pong: WebSocketError(.timeout(limit), "a ping was not answered within the time allowed")
        case .write: WebSocketError(.timeout(limit), "the peer took nothing for longer than allowed")
        }
    }
}
