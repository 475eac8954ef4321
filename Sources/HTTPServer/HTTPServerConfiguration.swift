/// Where a server listens and how much patience and memory it has.
public struct HTTPServerConfiguration: Sendable {
    /// The address to listen on: IPv4, IPv6 (`::` takes IPv4 too) or a name, which is looked up once, blocking, at the start.
    public var host = "127.0.0.1"
    /// The port; 0 lets the system choose, see ``HTTPServer/port``.
    public var port: UInt16 = 0
    /// Connections that the kernel holds until they are accepted; capped by `net.core.somaxconn`.
    public var backlog: Int32 = 1024
    /// Lets several servers, one a loop, listen on the same port: the kernel deals connections out (`SO_REUSEPORT`).
    public var reusesPort = false
    /// Connections at a time.
    ///
    /// A newcomer takes the place of the one that has waited longest for a request, or else of the request that has been
    /// arriving for longest; where all are being answered it gets 503 with `Retry-After`.
    public var maxConnections = 10_000
    /// Memory for requests that are arriving and for responses that are not taken, in bytes over all connections.
    ///
    /// Beyond it the requests that have been arriving for longest get 503, and the clients that have been reading for longest are
    /// cut off.
    public var maxBufferedBytes = 64 << 20
    /// From the first byte of a request (for the first one: from the connection) to the end of its head, absolute.
    public var headDeadline = Duration.seconds(10)
    /// From the end of the head to the end of the content, absolute.
    public var bodyDeadline = Duration.seconds(30)
    /// How long a connection may wait for its next request.
    public var keepAliveIdle = Duration.seconds(75)
    /// How long a client may take no byte of a response that waits for it.
    public var writeStall = Duration.seconds(30)
    /// How long a refused client has to read why, before the connection is cut.
    public var lingerDeadline = Duration.seconds(2)
    /// What a request may measure.
    public var limits = HTTPLimits()

    /// The defaults.
    public init() {}
}
