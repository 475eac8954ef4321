public import EventLoop

/// Sends HTTP requests from a loop: pooled connections, HTTP/2 where the server has it, TLS always verified.
///
/// The client is pinned to its loop; calls from code on that loop do not leave it. Names are resolved on curl's own threads.
/// Cancelling a task stops its transfer and closes the connection, which the server sees.
///
/// ```swift
/// let client = HTTPClient(loop: loop)
/// let answer = try await client.send(HTTPClientRequest(url: "https://api.telegram.org/bot\(token)/getMe"))
/// ```
public actor HTTPClient {
    /// The loop that the client lives on.
    public nonisolated let loop: EventLoop
    /// What all transfers share.
    public nonisolated let configuration: HTTPClientConfiguration
    /// The loop as the actor's executor.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var pool: TransferPool?
    private var isShutDown = false

    /// A client that opens nothing before its first request.
    public init(loop: EventLoop, configuration: HTTPClientConfiguration = HTTPClientConfiguration()) {
        self.loop = loop
        self.configuration = configuration
    }

    isolated deinit {
        pool?.close()
    }

    /// Sends a request and takes the whole answer, whatever its status.
    ///
    /// - Throws: ``HTTPClientError`` when no whole answer came; an answer such as 500 is returned.
    public func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        let pool = try running()
        let transfer = try pool.transfer(for: request)
        let ticket = Ticket(transfer: transfer, generation: transfer.generation)
        let loop = loop
        let result = await withTaskCancellationHandler {
            // Unsafe continuations, since the checked ones cost as much as the rest of the call: TransferPool resumes each
            // exactly once, in `end`.
            await withUnsafeContinuation { self.start(transfer, .collect($0), with: pool) }
        } onCancel: {
            loop.execute { pool.cancel(ticket) }
        }
        return try result.get()
    }

    /// Sends a request and returns when the answer's head has come; the content follows as it is read.
    ///
    /// - Throws: ``HTTPClientError`` when no head came; later failures are thrown by the content.
    public func stream(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientStream {
        let pool = try running()
        let transfer = try pool.transfer(for: request)
        let ticket = Ticket(transfer: transfer, generation: transfer.generation)
        let source = BodySource(capacity: configuration.streamBufferBytes)
        source.ticket = ticket
        let loop = loop
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                source.headWaiter = continuation
                self.start(transfer, .stream(source), with: pool)
            }
        } onCancel: {
            loop.execute { pool.cancel(ticket) }
        }
        return HTTPClientStream(try result.get(), body: HTTPClientBody(client: self, source: source))
    }

    /// Ends all transfers as cancelled and closes all connections; later requests are refused in the same way.
    public func shutdown() {
        isShutDown = true
        pool?.close()
        pool = nil
    }

    /// Called through `self`, although it needs none: a closure that does not name the actor is not isolated to it, and would run
    /// on the global pool when the caller's task has no preference for the loop.
    func start(_ transfer: Transfer, _ purpose: Transfer.Purpose, with pool: TransferPool) {
        pool.start(transfer, purpose)
    }

    func checkIsRunning() throws(HTTPClientError) {
        guard !isShutDown else {
            throw HTTPClientError(code: .cancelled, mayHaveBeenProcessed: false, message: "the client was shut down")
        }
    }

    private func running() throws(HTTPClientError) -> TransferPool {
        try checkIsRunning()
        if let pool { return pool }
        let made = try TransferPool(loop: loop, configuration: configuration)
        pool = made
        return made
    }

    // MARK: Streamed content

    func nextPiece(of source: BodySource) async throws(HTTPClientError) -> [UInt8]? {
        // What fills the source in one go is handed to a waiting reader without letting curl in again: that is done here.
        if source.pending.isEmpty { pool?.release(source) }
        if !source.pending.isEmpty {
            let piece = source.takePending()
            pool?.release(source)
            return piece
        }
        switch source.end {
        case .success: return nil
        case .failure(let error): throw error
        case nil: break
        }
        precondition(source.reader == nil, "a streamed answer has one reader at a time")
        let loop = loop
        let pool = pool
        let ticket = source.ticket
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                source.reader = continuation
                if Task.isCancelled { self.giveUp(source) }
            }
        } onCancel: {
            if let pool, let ticket { loop.execute { pool.cancel(ticket) } }
        }
        return try result.get()
    }

    func giveUp(_ source: BodySource) {
        if let ticket = source.ticket { pool?.cancel(ticket) }
    }
}
