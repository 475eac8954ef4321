/// Why a transfer gave no whole answer.
///
/// An answer with a status such as 500 is an answer, not an error. Neither message nor description holds the URL's path or
/// query: tokens stand in them.
public struct HTTPClientError: Error, Sendable, CustomStringConvertible {
    /// Which limit of ``HTTPClientRequest/Timeouts-swift.struct`` ran out.
    public enum Timeout: Sendable, Equatable {
        /// The connection did not stand in time.
        case connect
        /// No byte of an answer came in time.
        case firstByte
        /// The answer fell silent.
        case idle
        /// The answer did not end in time.
        case total
    }

    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// No connection: refused, unreachable or reset before it stood.
        case connect
        /// The host is at an address of this machine or of a private network, to which the request must not go.
        case privateAddress
        /// The host's name does not resolve.
        case dns
        /// The TLS handshake failed, or the certificate is not trusted for this host.
        case tls
        /// A limit of time ran out.
        case timeout(Timeout)
        /// The answer is longer than the request allows.
        case tooLarge
        /// The connection ended too early: inside the answer, or before its first byte.
        case connectionCut(insideAnswer: Bool)
        /// The URL's scheme is neither `http` nor `https`.
        case unsupportedProtocol
        /// The task was cancelled, the stream was given up, or the client was shut down.
        case cancelled
        /// The URL cannot be read.
        case badURL
        /// A method or header field holds what HTTP forbids there (RFC 9110, section 5.5).
        case badRequest
        /// The answer is not HTTP, or its content does not decode.
        case malformedAnswer
        /// More redirects than the request allows.
        case tooManyRedirects
        /// Anything else that curl reports, by its number (`libcurl-errors(3)`).
        case other(Int)
    }

    /// What kind of failure it was.
    public let code: Code
    /// False only when nothing of the request can have reached the server, so that sending it again cannot do it twice.
    public let mayHaveBeenProcessed: Bool
    /// The failure in words, for an operator.
    public let message: String

    /// An error of these parts.
    public init(code: Code, mayHaveBeenProcessed: Bool, message: String) {
        self.code = code
        self.mayHaveBeenProcessed = mayHaveBeenProcessed
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
