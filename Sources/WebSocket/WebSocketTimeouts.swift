/// How long the parts of a connection may take.
public struct WebSocketTimeouts: Sendable, Hashable {
    /// Until the connection stands: name look-up, proxy, TCP and TLS.
    public var connect: Duration
    /// From the connection to the end of the server's answer.
    public var handshake: Duration
    /// After this long without a byte from the peer it is pinged; nil never pings.
    public var pingInterval: Duration?
    /// How long the peer may be silent after a ping before it is given up.
    public var pong: Duration
    /// How long the peer may take for its close frame, or to hear ours, before the socket is closed.
    public var close: Duration
    /// How long the peer may take no byte of what waits for it.
    public var writeStall: Duration

    /// These limits; the defaults see a dead peer after 50 seconds.
    public init(
        connect: Duration = .seconds(10), handshake: Duration = .seconds(10), pingInterval: Duration? = .seconds(30),
        pong: Duration = .seconds(20), close: Duration = .seconds(5), writeStall: Duration = .seconds(30)
    ) {
        self.connect = connect
        self.handshake = handshake
        self.pingInterval = pingInterval
        self.pong = pong
        self.close = close
        self.writeStall = writeStall
    }
}
