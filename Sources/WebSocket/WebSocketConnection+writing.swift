internal import Crypto
internal import EventLoop

extension WebSocketConnection {
    /// The largest buffer that is kept for the next message.
    private static let maxSpareBytes = 65_536
    /// Masking keys made at a time: each call of the generator costs as much as several keys.
    private static let masksAtATime = 64

    var unsentBytes: Int { output.count - outputStart }

    // MARK: Output

    /// Puts a frame behind what waits to be sent.
    func append(_ opcode: WebSocketOpcode, _ payload: some Collection<UInt8>) {
        guard transport != nil else { return }
        if outputStart > 0, outputStart >= output.count / 2 {
            output.removeSubrange(..<outputStart)
            outputStart = 0
        }
        WebSocketWriter.append(opcode, payload, mask: role == .client ? nextMask() : nil, to: &output)
    }

    /// A key that nobody can foretell (RFC 6455, section 10.3).
    private func nextMask() -> UInt32 {
        if masks.isEmpty { masks = randomBytes(WebSocketConnection.masksAtATime * 4) }
        var mask: UInt32 = 0
        for byte in masks.suffix(4) { mask = mask << 8 | UInt32(byte) }
        masks.removeLast(4)
        return mask
    }

    /// Sends what the socket takes.
    func flush() {
        guard let transport else { return }
        let before = unsentBytes
        do {
            repeat {
                let sent = try output.withUnsafeBytes { bytes in
                    try transport.write(UnsafeRawBufferPointer(rebasing: bytes[outputStart...]))
                }
                outputStart += sent
                if sent == 0 { break }
            } while unsentBytes > 0
        } catch {
            return lose()
        }
        if unsentBytes == 0 {
            output.removeAll(keepingCapacity: output.capacity <= WebSocketConnection.maxSpareBytes)
            outputStart = 0
        }
        noteProgress(before != unsentBytes)
        if unsentBytes <= WebSocketConnection.lowWater {
            if let payload = owedPong {
                owedPong = nil
                if closing.isOpen { append(.pong, payload) }
            }
            resumeSenders(nil)
        }
        if isOver, !hasUnsent, role == .server {
            if closing.closure?.isClean == true { return endTransport() }
            transport.endSending()
        }
        updateInterest()
    }

    private var hasUnsent: Bool { unsentBytes > 0 || transport?.isHolding == true }

    func resumeSenders(_ error: WebSocketError?) {
        let waiting = senders
        senders = []
        for sender in waiting { sender.resume(returning: error) }
    }

    /// Watches the socket for what is awaited now.
    func updateInterest() {
        guard let transport else { return }
        var interest: SocketWatcher.Readiness = []
        if !isFull, pending.isEmpty { interest.insert(.read) }
        if hasUnsent { interest.insert(.write) }
        do { try transport.watch(interest) } catch { lose() }
    }

    // MARK: The end

    /// True once both sides, or the peer's fault, have ended the conversation.
    private var isOver: Bool { closing.closure != nil }

    /// Does what the closing handshake asks for.
    func perform(_ action: WebSocketClosing.Action) {
        switch action {
        case .nothing:
            break
        case .send(let payload):
            append(.close, payload)
            windUp()
        case .sendAndEnd(let payload):
            append(.close, payload)
            windUp()
        case .end:
            windUp()
        }
    }

    /// Sends the rest and waits for the peer, up to the deadline.
    ///
    /// A server closes first (RFC 6455, section 7.1.1), once its close frame is sent; after a fault only its half, since closing with
    /// bytes unread would reset the connection, and the close frame could be lost.
    private func windUp() {
        guard transport != nil else { return }
        hold = self
        closeTimer?.schedule(after: timeouts.close)
        keepAliveTimer?.cancel()
        flush()
        // A reader that was behind is so no more.
        planReading()
    }

    /// The peer is gone, or its time is over.
    func lose(_ error: WebSocketError = .lost) {
        closing.lose()
        end(.failure(error))
        endTransport()
    }

    /// Closes the socket and tells those who wait.
    func cut(_ error: WebSocketError) {
        guard transport != nil else { return }
        lose(error)
    }

    private func endTransport() {
        let ended = transport
        transport = nil
        (keepAliveTimer, stallTimer, closeTimer) = (nil, nil, nil)
        output = []
        outputStart = 0
        pending = []
        ended?.close()
        hold = nil
    }

    // MARK: Time

    func startTimers() {
        closeTimer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.lose() } }
        stallTimer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.lose(.timeout(.write)) } }
        guard let interval = timeouts.pingInterval else { return }
        keepAliveTimer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.tick(interval) } }
        keepAliveTimer?.schedule(after: interval)
    }

    private func tick(_ interval: Duration) {
        // A peer that is made to wait may have answered where nobody has looked.
        if hasHeard || isFull {
            (hasHeard, isPinged) = (false, false)
            keepAliveTimer?.schedule(after: interval)
        } else if isPinged {
            lose(.timeout(.pong))
        } else {
            isPinged = true
            keepAliveTimer?.schedule(after: timeouts.pong)
            append(.ping, [])
            flush()
        }
    }

    private func noteProgress(_ hasMoved: Bool) {
        if !hasUnsent {
            stallTimer?.cancel()
        } else if hasMoved || stallTimer?.isScheduled != true {
            stallTimer?.schedule(after: timeouts.writeStall)
        }
    }
}
