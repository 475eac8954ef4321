internal import EventLoop

/// A client's connection while it shakes hands: sends the request, reads the answer's head.
actor WebSocketOpening {
    typealias Outcome = Result<(head: WebSocketAnswer.Head, rest: [UInt8]), WebSocketError>

    private static let readBytes = 4096

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Nil once it is closed or handed on.
    private var transport: (any WebSocketTransport)?
    private var output: [UInt8] = []
    private var answer = WebSocketAnswer()
    private var waiter: CheckedContinuation<Outcome, Never>?

    init(_ transport: any WebSocketTransport) {
        self.transport = transport
        loop = transport.loop
    }

    isolated deinit {
        transport?.close()
    }

    /// Sends the request and reads the head of the answer.
    ///
    /// - Returns: the head, and what came behind it.
    /// - Throws: ``WebSocketError``; the socket is closed then.
    func run(
        _ request: [UInt8], deadline: Duration
    ) async throws(WebSocketError) -> (head: WebSocketAnswer.Head, rest: [UInt8]) {
        output = request
        transport?.onReady = { [weak self] _ in self?.assumeIsolated { $0.proceed() } }
        let timer = LoopTimer(on: loop) { [weak self] in
            self?.assumeIsolated { $0.end(.failure(.timeout(.handshake))) }
        }
        timer.schedule(after: deadline)
        let loop = loop
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.waiter = continuation
                if Task.isCancelled { self.end(.failure(.cancelled)) } else { self.proceed() }
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.end(.failure(.cancelled)) } }
        }
        timer.cancel()
        return try outcome.get()
    }

    /// Hands the socket on to a connection that reads from now on.
    func makeConnection(
        subprotocol: String?, early: [UInt8], limits: WebSocketLimits, timeouts: WebSocketTimeouts
    ) -> WebSocketConnection {
        guard let transport else { preconditionFailure("the handshake has failed") }
        self.transport = nil
        let connection = WebSocketConnection(
            transport, role: .client, subprotocol: subprotocol, early: early, limits: limits, timeouts: timeouts)
        connection.assumeIsolated { $0.start() }
        return connection
    }

    /// Closes the socket.
    func close() {
        transport?.close()
        transport = nil
    }

    private func proceed() {
        guard let transport, waiter != nil else { return }
        do {
            let sent = try output.withUnsafeBytes { try transport.write($0) }
            output.removeFirst(sent)
            if let outcome = try readAnswer(from: transport) { return end(outcome) }
            let isSending = !output.isEmpty || transport.isHolding
            try transport.watch(isSending ? [.read, .write] : .read)
        } catch {
            end(.failure(WebSocketError(.connectionLost, "the connection ended inside the handshake")))
        }
    }

    private func readAnswer(from transport: any WebSocketTransport) throws -> Outcome? {
        try withUnsafeTemporaryAllocation(byteCount: WebSocketOpening.readBytes, alignment: 16) { buffer in
            while let count = try transport.read(into: buffer) {
                guard count > 0 else {
                    return .failure(WebSocketError(.connectionLost, "the connection ended inside the handshake"))
                }
                do throws(WebSocketError) {
                    if let head = try answer.take(buffer[..<count]) { return .success((head, answer.rest)) }
                } catch {
                    return .failure(error)
                }
            }
            return nil
        }
    }

    private func end(_ outcome: Outcome) {
        guard let waiter else { return }
        self.waiter = nil
        if case .failure = outcome { close() }
        waiter.resume(returning: outcome)
    }
}
