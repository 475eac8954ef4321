import COpenSSL

/// Says why a TLS session could not be made or go on.
public struct TLSError: Error, Hashable, CustomStringConvertible {
    /// What failed.
    public enum Reason: Sendable, Hashable {
        /// The certificates to trust could not be read, or the server's name cannot be one.
        case configuration
        /// The server's certificate is not trusted, is expired, or is for another name.
        case verification
        /// The handshake or the stream broke TLS's rules, or the server refused us.
        case `protocol`
        /// The session had failed or was closed before.
        case closed
    }

    /// What failed.
    public let reason: Reason

    /// OpenSSL's words about it.
    public let message: String

    /// Creates an error.
    public init(reason: Reason, message: String) {
        self.reason = reason
        self.message = message
    }

    /// The reason and OpenSSL's words about it.
    public var description: String { "TLS \(reason): \(message)" }

    /// Takes the oldest error of the thread's queue and empties it.
    static func last(_ reason: Reason, doing what: String) -> TLSError {
        let code = ERR_get_error()
        ERR_clear_error()
        let text = ERR_reason_error_string(code).map { String(cString: $0) } ?? "unknown error"
        return TLSError(reason: reason, message: "\(what): \(text)")
    }
}
