/// The method of an HTTP request (RFC 9110, section 9): case-sensitive, open to extension.
public struct HTTPMethod: Sendable, Hashable, CustomStringConvertible {
    /// The method's token as it stands on the wire.
    public let rawValue: String

    /// Wraps a token that the caller knows to be valid (RFC 9110, section 5.6.2).
    public init(_ rawValue: String) {
        self.rawValue = rawValue
    }

    /// Reads a resource.
    public static let get = HTTPMethod("GET")
    /// Reads a resource's fields without its content.
    public static let head = HTTPMethod("HEAD")
    /// Hands content to a resource.
    public static let post = HTTPMethod("POST")
    /// Replaces a resource.
    public static let put = HTTPMethod("PUT")
    /// Changes a part of a resource (RFC 5789).
    public static let patch = HTTPMethod("PATCH")
    /// Removes a resource.
    public static let delete = HTTPMethod("DELETE")
    /// Asks what a resource allows.
    public static let options = HTTPMethod("OPTIONS")

    /// The token itself.
    public var description: String { rawValue }
}
