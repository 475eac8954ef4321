public import EventLoop
internal import Glibc

/// The socket of a connection that no longer speaks HTTP, on the server's loop.
///
/// Nothing here waits: what cannot be done now is said, and ``watch(_:)`` tells when to try again. The server counts the
/// connection as one of its own until it is closed.
public final class HTTPUpgradedStream: @unchecked Sendable {
    // Unchecked: belongs to the server's loop, which its entrances check.

    /// The loop that the stream belongs to.
    public let loop: EventLoop
    /// Called when the socket is ready for what is watched.
    public var onReady: ((SocketWatcher.Readiness) -> Void)?
    /// Called once when the server drains: the time to say good-bye.
    public var onDrain: (() -> Void)?
    /// Called once when the server closes the socket; not for ``close()``.
    public var onCut: (() -> Void)?

    private let descriptor: Int32
    private var connection: HTTPConnection?
    private var watcher: SocketWatcher?
    private var early: [UInt8]
    private var earlyOffset = 0

    /// - Parameter early: what the client sent behind its request.
    init(_ connection: HTTPConnection, early: [UInt8]) {
        self.connection = connection
        loop = connection.core.loop
        descriptor = connection.descriptor
        self.early = early
        watcher = SocketWatcher(descriptor, on: loop) { [weak self] in self?.onReady?($0) }
    }

    /// True once the socket is closed, by either side's wish.
    public var isClosed: Bool { connection == nil }

    /// Reads what is there.
    ///
    /// - Returns: the count of bytes read; 0 at the end of the stream; nil when there is nothing now.
    /// - Throws: ``HTTPServerError/connectionClosed`` when the connection is broken.
    public func receive(into buffer: UnsafeMutableRawBufferPointer) throws(HTTPServerError) -> Int? {
        loop.preconditionCurrent()
        guard connection != nil else { throw .connectionClosed }
        if earlyOffset < early.count {
            let count = min(buffer.count, early.count - earlyOffset)
            buffer.copyBytes(from: early[earlyOffset..<(earlyOffset + count)])
            earlyOffset += count
            if earlyOffset == early.count {
                early = []
                earlyOffset = 0
            }
            return count
        }
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count >= 0 { return count }
            if errno == EAGAIN { return nil }
            guard errno == EINTR else { throw .connectionClosed }
        }
    }

    /// Sends what the socket takes.
    ///
    /// - Returns: the count of bytes taken; 0 when there is no room now.
    /// - Throws: ``HTTPServerError/connectionClosed`` when the connection is broken.
    public func send(_ bytes: UnsafeRawBufferPointer) throws(HTTPServerError) -> Int {
        loop.preconditionCurrent()
        guard connection != nil else { throw .connectionClosed }
        while true {
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            if count >= 0 { return count }
            if errno == EAGAIN { return 0 }
            guard errno == EINTR else { throw .connectionClosed }
        }
    }

    /// Has ``onReady`` called while the socket is ready for these, and for nothing else.
    ///
    /// - Throws: ``EventLoopError`` when there is no memory for it.
    public func watch(_ interest: SocketWatcher.Readiness) throws(EventLoopError) {
        loop.preconditionCurrent()
        try watcher?.watch(interest)
    }

    /// Says that nothing more is sent, and goes on reading: the client closes then, with nothing on its way lost.
    public func endSending() {
        loop.preconditionCurrent()
        if connection != nil { Glibc.shutdown(descriptor, Int32(SHUT_WR)) }
    }

    /// Closes the socket; the callbacks are let go.
    public func close() {
        loop.preconditionCurrent()
        let connection = release()
        connection?.close()
    }

    /// The server drains.
    func drain() {
        let action = onDrain
        onDrain = nil
        action?()
    }

    /// The server closes the connection.
    func cut() {
        let action = onCut
        guard release() != nil else { return }
        action?()
    }

    /// The descriptor is about to be closed.
    func stopWatching() {
        watcher = nil
    }

    private func release() -> HTTPConnection? {
        let held = connection
        connection = nil
        watcher = nil
        early = []
        (onReady, onDrain, onCut) = (nil, nil, nil)
        return held
    }
}
