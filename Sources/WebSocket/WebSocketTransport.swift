internal import EventLoop
internal import HTTPClient
internal import HTTPServer

/// The socket under a connection: a client's by way of curl, or a server's own.
///
/// Belongs to the loop; nothing waits.
protocol WebSocketTransport: AnyObject, Sendable {
    var loop: EventLoop { get }
    /// Called when the socket is ready for what is watched.
    var onReady: ((SocketWatcher.Readiness) -> Void)? { get set }
    /// True while the transport itself holds bytes that wait for room.
    var isHolding: Bool { get }
    /// The count of bytes read; 0 at the end of the stream; nil when there is nothing now.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int?
    /// Sends what is held, then takes of these bytes; the count taken, 0 when there is no room now.
    func write(_ bytes: UnsafeRawBufferPointer) throws -> Int
    /// Says to the peer that nothing more is sent, where the transport can.
    func endSending()
    func watch(_ interest: SocketWatcher.Readiness) throws(EventLoopError)
    func close()
}

extension HTTPClientConnection: WebSocketTransport {
    var isHolding: Bool { isBlocked }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
        try receive(into: buffer)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        try send(bytes)
    }

    /// A client leaves the first step to the server (RFC 6455, section 7.1.1).
    func endSending() {}
}

extension HTTPUpgradedStream: WebSocketTransport {
    var isHolding: Bool { false }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
        try receive(into: buffer)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        bytes.isEmpty ? 0 : try send(bytes)
    }
}
