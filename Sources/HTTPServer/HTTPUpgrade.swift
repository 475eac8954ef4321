public import HTTPCore

/// An answer that ends HTTP on its connection and hands the socket over (RFC 9110, section 7.8).
///
/// The server answers 101 with `Upgrade` and `Connection`, once the responses before it are sent; it closes the socket at a drain's
/// deadline, whatever is spoken on it then.
public struct HTTPUpgrade: Sendable {
    /// The name of the protocol that is spoken from now on, as it stands in `Upgrade`.
    public let protocolName: String
    /// The fields of the answer besides those that make the upgrade.
    public let headers: HTTPFields
    /// Takes the socket over; runs on the server's loop and must not block.
    public let start: @Sendable (HTTPUpgradedStream) -> Void

    /// An upgrade of these parts.
    public init(
        protocolName: String, headers: HTTPFields = HTTPFields(),
        start: @escaping @Sendable (HTTPUpgradedStream) -> Void
    ) {
        self.protocolName = protocolName
        self.headers = headers
        self.start = start
    }
}
