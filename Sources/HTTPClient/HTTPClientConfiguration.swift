/// What all transfers of one client share.
///
/// `https` negotiates HTTP/2 by ALPN (RFC 7301) and falls back to HTTP/1.1; plain `http` is HTTP/1.1.
public struct HTTPClientConfiguration: Sendable {
    /// Connections kept open, busy ones included; more are closed, the longest idle first.
    public var maxConnections: Int
    /// Connections to one host and port at a time; 0 is without limit, and transfers over the limit wait.
    public var maxConnectionsPerHost: Int
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

    /// A configuration of these; the defaults allow tens of thousands of transfers at once.
    public init(
        maxConnections: Int = 65_536, maxConnectionsPerHost: Int = 0, trustedCertificatesFile: String? = nil,
        proxy: String? = nil, userAgent: String? = nil,
        streamBufferBytes: Int = 256 << 10, allowsPrivateAddresses: Bool = false
    ) {
        self.maxConnections = maxConnections
        self.maxConnectionsPerHost = maxConnectionsPerHost
        self.trustedCertificatesFile = trustedCertificatesFile
        self.proxy = proxy
        self.userAgent = userAgent
        self.streamBufferBytes = streamBufferBytes
        self.allowsPrivateAddresses = allowsPrivateAddresses
    }
}
