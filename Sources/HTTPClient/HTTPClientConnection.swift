internal import CCurl
public import EventLoop

/// A connection that curl made (TCP, TLS, proxies) and on which its user speaks a protocol of their own.
///
/// Nothing here waits: what cannot be done now is said, and ``watch(_:)`` tells when to try again. It belongs to its user and
/// outlives ``HTTPClient/shutdown()``. Belongs to the loop.
///
/// Each has a multi handle of its own: in a shared one, curl drops connections that no transfer uses when the next transfer looks
/// for one (after 118 s, or when bytes wait on them).
public final class HTTPClientConnection: @unchecked Sendable {
    // Unchecked: belongs to the client's loop, which its entrances check.

    /// The most bytes sent at a time: those of a TLS record (RFC 8446, section 5.1).
    private static let stageBytes = 16_384

    /// The loop that the connection belongs to.
    public let loop: EventLoop
    /// Called when the socket is ready for what is watched.
    public var onReady: ((SocketWatcher.Readiness) -> Void)?

    private let pool: TransferPool
    private let transfer: Transfer
    private var watcher: SocketWatcher?
    private var isClosed = false
    // OpenSSL wants a send that found no room to be tried again from the same place, with the same bytes, which curl before 8.2
    // does not relax: so they are copied to where they stay until they are sent.
    private let stage = UnsafeMutableRawBufferPointer.allocate(byteCount: stageBytes, alignment: 16)
    private var stagedFrom = 0
    private var stagedTo = 0

    /// - Parameter transfer: one that has ended by connecting.
    init(_ transfer: Transfer, in pool: TransferPool) throws(HTTPClientError) {
        self.transfer = transfer
        self.pool = pool
        loop = pool.loop
        var descriptor = cb_socket_bad
        guard cb_easy_get_socket(transfer.handle, &descriptor) == CURLE_OK, descriptor != cb_socket_bad else {
            throw HTTPClientError(code: .connect, mayHaveBeenProcessed: false, message: "the connection ended at once")
        }
        pool.sockets.forget(descriptor)
        watcher = SocketWatcher(descriptor, on: loop) { [weak self] in self?.onReady?($0) }
    }

    deinit {
        stage.deallocate()
        guard !isClosed else { return }
        // From whatever thread let go last. The watcher goes first, since curl closes its descriptor.
        let rest = Remains(pool: pool, watcher: watcher)
        watcher = nil
        loop.execute { rest.close() }
    }

    /// True while bytes that ``send(_:)`` took wait for room: ``send(_:)`` takes no more, and ``flush()`` is due when the socket is
    /// ready.
    public var isBlocked: Bool { stagedFrom < stagedTo }

    /// Reads what is there, curl's and TLS's own buffers included: read until nil, since the socket does not tell of those.
    ///
    /// - Returns: the count of bytes read; 0 at the end of the stream; nil when there is nothing now.
    /// - Throws: ``HTTPClientError`` when the connection is broken.
    public func receive(into buffer: UnsafeMutableRawBufferPointer) throws(HTTPClientError) -> Int? {
        loop.preconditionCurrent()
        guard !isClosed else { throw broken(CURLE_RECV_ERROR) }
        var count = 0
        let code = curl_easy_recv(transfer.handle, buffer.baseAddress, buffer.count, &count)
        if code == CURLE_AGAIN { return nil }
        guard code == CURLE_OK else { throw broken(code) }
        return count
    }

    /// Takes bytes to send.
    ///
    /// - Returns: the count of bytes taken, sent or held; 0 when there is no room now.
    /// - Throws: ``HTTPClientError`` when the connection is broken.
    public func send(_ bytes: UnsafeRawBufferPointer) throws(HTTPClientError) -> Int {
        try flush()
        guard !isBlocked, !bytes.isEmpty else { return 0 }
        let count = min(bytes.count, stage.count)
        stage.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        (stagedFrom, stagedTo) = (0, count)
        try flush()
        return count
    }

    /// Sends what is held, as far as the socket takes it.
    ///
    /// - Throws: ``HTTPClientError`` when the connection is broken.
    public func flush() throws(HTTPClientError) {
        loop.preconditionCurrent()
        guard !isClosed else { throw broken(CURLE_SEND_ERROR) }
        while stagedFrom < stagedTo {
            var count = 0
            let start = stage.baseAddress.map { $0 + stagedFrom }
            let code = curl_easy_send(transfer.handle, start, stagedTo - stagedFrom, &count)
            if code == CURLE_AGAIN { return }
            guard code == CURLE_OK else { throw broken(code) }
            stagedFrom += count
        }
    }

    /// Has ``onReady`` called while the socket is ready for these, and for nothing else.
    ///
    /// - Throws: ``EventLoopError`` when there is no memory for it.
    public func watch(_ interest: SocketWatcher.Readiness) throws(EventLoopError) {
        loop.preconditionCurrent()
        try watcher?.watch(interest)
    }

    /// Closes the connection.
    public func close() {
        loop.preconditionCurrent()
        guard !isClosed else { return }
        isClosed = true
        onReady = nil
        watcher = nil
        pool.close()
    }

    private func broken(_ code: CURLcode) -> HTTPClientError {
        HTTPClientError(curl: code, wasSent: true, hasAnswer: true)
    }

    /// What a connection that was let go leaves to be closed on the loop.
    private final class Remains: @unchecked Sendable {
        // Unchecked: made by the last owner, used once, on the loop.
        private let pool: TransferPool
        private var watcher: SocketWatcher?

        init(pool: TransferPool, watcher: SocketWatcher?) {
            self.pool = pool
            self.watcher = watcher
        }

        func close() {
            watcher = nil
            pool.close()
        }
    }
}

extension HTTPClient {
    /// Makes a connection on which the caller speaks, with the client's trust in certificates and its proxy.
    ///
    /// - Parameters:
    ///   - url: an absolute `http` or `https` URL; its path is not looked at.
    ///   - deadline: until the connection stands: name look-up, proxy, TCP and TLS.
    /// - Throws: ``HTTPClientError`` when there is none.
    public func connect(to url: String, deadline: Duration) async throws(HTTPClientError) -> HTTPClientConnection {
        try checkIsRunning()
        let pool = try TransferPool(loop: loop, configuration: configuration)
        do {
            let limits = HTTPClientRequest.Timeouts(connect: deadline, firstByte: nil, idle: nil, total: deadline)
            let transfer = try pool.transfer(for: HTTPClientRequest(url: url, timeouts: limits))
            try transfer.prepareConnectOnly()
            let ticket = Ticket(transfer: transfer, generation: transfer.generation)
            let loop = loop
            let result = await withTaskCancellationHandler {
                await withUnsafeContinuation { self.start(transfer, .connect($0), with: pool) }
            } onCancel: {
                loop.execute { pool.cancel(ticket) }
            }
            try result.get()
            return try HTTPClientConnection(transfer, in: pool)
        } catch {
            pool.close()
            throw error
        }
    }
}
