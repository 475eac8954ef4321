internal import EventLoop

extension WebSocketConnection {
    /// A reading from the socket, and how many of them are made before others get their turn.
    private static let readBytes = 16_384
    private static let readsPerTurn = 16

    /// Begins to read and to keep alive.
    func start() {
        transport?.onReady = { [weak self] _ in self?.assumeIsolated { $0.ready() } }
        startTimers()
        readSome()
    }

    /// The socket is ready for something; each side is tried, since TLS may read to write.
    private func ready() {
        flush()
        readSome()
    }

    /// True while the reader is behind.
    ///
    /// A closing connection reads on, since the peer's close frame is behind the messages.
    var isFull: Bool {
        closing.isOpen
            && (inboxBytes >= limits.receiveBufferBytes
                || inbox.count - inboxStart >= WebSocketConnection.maxWaitingMessages)
    }

    func takeMessage() -> WebSocketMessage? {
        guard inboxStart < inbox.count else { return nil }
        let message = inbox[inboxStart]
        // Not held twice: messages may be large.
        inbox[inboxStart] = .binary([])
        inboxStart += 1
        inboxBytes -= message.byteCount
        if inboxStart == inbox.count {
            inbox.removeAll(keepingCapacity: true)
            inboxStart = 0
        }
        return message
    }

    /// Reads and understands what there is, until the reader is behind.
    ///
    /// curl and TLS keep bytes that the socket does not tell of: so all is read before the socket is watched again.
    func readSome() {
        parsePending()
        var reads = 0
        while let transport, pending.isEmpty, !isFull {
            if reads == WebSocketConnection.readsPerTurn {
                planReading()
                break
            }
            reads += 1
            do {
                guard try read(from: transport) else { break }
            } catch {
                lose()
                break
            }
        }
        updateInterest()
    }

    /// Reads in the next turn.
    func planReading() {
        guard !isReadPlanned else { return }
        isReadPlanned = true
        loop.execute { [weak self] in
            self?.assumeIsolated {
                $0.isReadPlanned = false
                $0.readSome()
            }
        }
    }

    /// False when there is nothing to read now.
    private func read(from transport: any WebSocketTransport) throws -> Bool {
        try withUnsafeTemporaryAllocation(byteCount: WebSocketConnection.readBytes, alignment: 16) { buffer in
            guard let count = try transport.read(into: buffer) else { return false }
            guard count > 0 else {
                lose()
                return false
            }
            hasHeard = true
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count]).assumingMemoryBound(to: UInt8.self)
            var offset = 0
            parse(bytes.span, from: &offset)
            if offset < count { pending = Array(bytes[offset...]) }
            return true
        }
    }

    private func parsePending() {
        guard !pending.isEmpty, !isFull else { return }
        let bytes = pending
        pending = []
        var offset = 0
        parse(bytes.span, from: &offset)
        if offset < bytes.count { pending = Array(bytes[offset...]) }
    }

    private func parse(_ bytes: Span<UInt8>, from offset: inout Int) {
        while offset < bytes.count, !isFull {
            do throws(WebSocketFault) {
                guard let event = try parser.parse(bytes, from: &offset) else { return }
                take(event)
            } catch {
                offset = bytes.count
                perform(closing.fail(error))
                end(.failure(WebSocketError(.protocolViolation(error), "the peer broke the protocol: \(error)")))
            }
        }
    }

    private func take(_ event: WebSocketParser.Event) {
        switch event {
        case .message(let message):
            // After our close frame nobody wants them.
            guard closing.isOpen else { return }
            if let receiver {
                self.receiver = nil
                receiver.resume(returning: .success(message))
            } else {
                inbox.append(message)
                inboxBytes += message.byteCount
            }
        case .ping(let payload):
            guard closing.isOpen else { return }
            if unsentBytes > WebSocketConnection.highWater {
                owedPong = payload
            } else {
                append(.pong, payload)
                flush()
            }
        case .pong:
            break
        case .close(let code, let reason):
            perform(closing.receive(code, reason: reason))
            end(.success(()))
        }
    }

    /// Says once how reading ends, and lets all go who wait.
    func end(_ result: Result<Void, WebSocketError>) {
        guard outcome == nil else { return }
        outcome = result
        if let receiver {
            // A waiting reader means that no message waits.
            self.receiver = nil
            receiver.resume(returning: result.map { nil })
        }
        var failure = WebSocketError.closed
        if case .failure(let error) = result { failure = error }
        resumeSenders(failure)
        let waiting = closers
        closers = []
        for closer in waiting { closer.resume() }
    }
}
