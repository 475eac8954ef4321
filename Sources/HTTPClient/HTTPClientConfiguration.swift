/// What all transfers of one client share.
///
/// `https` negotiates HTTP/2 by ALPN (RFC 7301) and falls back to HTTP/1.1; plain `http` is HTTP/1.1.
public struct HTTPClientConfiguration: Sendable {
    /// Connections kept open, busy ones included; more are closed, the longest idle first.
    ///
    /// Those are not counted that a server gets for its 65th transfer at a time and further ones.
    public var maxConnections: Int
    /// A file of PEM certificates to trust instead of the system's.
    public var trustedCertificatesFile: String?
    /// A proxy's URL (`http://`, `https://`, `socks5h://`); nil connects directly, whatever the environment says.
    public var proxy: String?
    /// Sent as `User-Agent` where a request has none; nil sends none.
    public var userAgent: String?
    /// Bytes of a streamed answer held for a slow reader before the server is made to wait.
    public var streamBufferBytes: Int
    /// True lets requests with ``HTTPClientRequest/isUntrustedAddress`` go to private addresses too.
    public var allowsPrivateAddresses: Bool

    /// How long what only a burst of transfers needed (memory, connections) is kept for the next one: at least this, and at the
    /// most twice as long.
    public var burstMemory: Duration

    /// A configuration of these; the defaults allow tens of thousands of transfers at once.
    public init(
        maxConnections: Int = 65_536, trustedCertificatesFile: String? = nil,
        proxy: String? = nil, userAgent: String? = nil,
        streamBufferBytes: Int = 256 << 10, allowsPrivateAddresses: Bool = false,
        burstMemory: Duration = .seconds(30)
    ) {
        self.maxConnections = maxConnections
        self.trustedCertificatesFile = trustedCertificatesFile
        self.proxy = proxy
        self.userAgent = userAgent
        self.streamBufferBytes = streamBufferBytes
        self.allowsPrivateAddresses = allowsPrivateAddresses
        self.burstMemory = burstMemory
    }
}
