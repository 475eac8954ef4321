internal import EventLoop
internal import Glibc
internal import HTTPCore

extension HTTPConnection {
    /// Content from this size on is sent from where it lies instead of being copied behind the head.
    private static let copyLimit = 32_768
    /// Never a signal for a client that has gone, never a wait.
    private static let sendFlags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
    /// Unsent bytes above which a body writer waits, and below which it goes on.
    private static let highWater = 65_536
    private static let lowWater = 16_384

    // MARK: Responses

    /// Writes the response's head, and its content if that is there.
    ///
    /// - Returns: the function that writes the content, when there is one to run.
    func begin(_ response: HTTPResponse, of id: UInt64) -> (@Sendable (HTTPBodyWriter) async throws -> Void)? {
        guard stage != .closed, let exchange, exchange.id == id else { return nil }
        refusals = (400..<500).contains(response.status.code) ? refusals + 1 : 0
        let hasContent = response.status.code >= 200 && response.status != .noContent && response.status.code != 304
        let isKeepAlive =
            exchange.isKeepAlive && !core.isDraining && !isPeerClosed && !HTTPConnection.asksToClose(response)
        borrowOutput()
        switch response.body {
        case .bytes(let bytes):
            HTTPResponseSerializer.appendHead(
                response.status, response.headers, framing: hasContent ? .length(bytes.count) : .none,
                dateLine: core.dateLine, isClosing: !isKeepAlive, to: &output)
            endExchange(isKeepAlive: isKeepAlive)
            if hasContent, !exchange.isHead { send(bytes) }
            return nil
        case .stream(let write):
            let framing: HTTPResponseSerializer.Framing =
                !hasContent ? .none : exchange.minorVersion == 0 ? .untilClose : .chunked
            HTTPResponseSerializer.appendHead(
                response.status, response.headers, framing: framing, dateLine: core.dateLine, isClosing: !isKeepAlive,
                to: &output)
            if framing == .none || exchange.isHead {
                endExchange(isKeepAlive: isKeepAlive)
                return nil
            }
            self.exchange = Exchange(
                id: id, isHead: false, minorVersion: exchange.minorVersion, isKeepAlive: isKeepAlive,
                streamFraming: framing, task: exchange.task)
            return write
        }
    }

    private static func asksToClose(_ response: HTTPResponse) -> Bool {
        guard let value = response.headers["Connection"] else { return false }
        return Array(value.utf8).span.hasListItem("close")
    }

    /// Runs a body function and ends the response, or cuts the connection where it failed.
    func run(_ stream: @Sendable (HTTPBodyWriter) async throws -> Void, of id: UInt64) async {
        do {
            // The client had closed before the response began: nobody would see it.
            guard !isPeerClosed else { throw HTTPServerError.connectionClosed }
            try await stream(HTTPBodyWriter(connection: self, exchange: id))
            guard let exchange, exchange.id == id else { return }
            if exchange.streamFraming == .chunked { output.append(contentsOf: HTTPResponseSerializer.lastChunk) }
            endExchange(isKeepAlive: exchange.isKeepAlive && exchange.streamFraming == .chunked && !core.isDraining)
            startTurn()
            settle()
            endTurn()
        } catch {
            guard let exchange, exchange.id == id else { return }
            cut(exchange)
        }
    }

    /// Closes so that the client sees that the content is not whole: the last chunk is missing, or, where the end of the
    /// connection is the end of the content, the end is a reset.
    private func cut(_ exchange: Exchange) {
        if exchange.streamFraming == .chunked {
            flush()
        } else {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
        close()
    }

    // MARK: Streamed content

    /// Adds a piece of a streamed response, sent at the end of the turn or when much has gathered.
    func writeContent(_ bytes: [UInt8], of id: UInt64) throws(HTTPServerError) {
        core.loop.preconditionCurrent()
        if stage == .closed { throw .connectionClosed }
        guard let exchange, exchange.id == id else { throw .writerEnded }
        compactOutput()
        if exchange.streamFraming == .chunked {
            HTTPResponseSerializer.appendChunk(bytes, to: &output)
        } else {
            output.append(contentsOf: bytes)
        }
        if isCongested {
            settle()
            if stage == .closed { throw .connectionClosed }
        } else if !isFlushPlanned {
            isFlushPlanned = true
            core.loop.beforePolling { [self] in
                isFlushPlanned = false
                settle()
            }
        }
    }

    /// True while a body writer has to wait.
    var isCongested: Bool { output.count - outputOffset > HTTPConnection.highWater }

    /// Waits until the client has taken most of what was written.
    func waitForRoom() async throws {
        nextWaiter += 1
        let id = nextWaiter
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                if stage == .closed {
                    continuation.resume(throwing: HTTPServerError.connectionClosed)
                } else if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    waiters[id] = continuation
                }
            }
        } onCancel: {
            core.loop.execute { self.waiters.removeValue(forKey: id)?.resume(throwing: CancellationError()) }
        }
    }

    /// Lets every waiting writer go on, or fail.
    func resumeWaiters(throwing error: (any Error)? = nil) {
        guard !waiters.isEmpty else { return }
        let resumed = waiters
        waiters = [:]
        for continuation in resumed.values {
            if let error { continuation.resume(throwing: error) } else { continuation.resume() }
        }
    }

    // MARK: Output

    /// Takes the server's buffer for a response; it goes back when all is sent.
    func borrowOutput() {
        if output.capacity == 0 { output = core.takeSpareBuffer() }
    }

    /// Moves what is unsent to the front once most of the buffer is spent, so that a slow reader's buffer stays bounded.
    private func compactOutput() {
        guard outputOffset > 0, outputOffset >= output.count / 2 else { return }
        output.removeSubrange(..<outputOffset)
        outputOffset = 0
    }

    /// Adds content behind the head; large content is sent together with it, without being copied first.
    private func send(_ bytes: [UInt8]) {
        guard bytes.count >= HTTPConnection.copyLimit, !isBlocked else {
            output.append(contentsOf: bytes)
            return
        }
        let headCount = output.count - outputOffset
        let sent = output.withUnsafeBytes { head in
            bytes.withUnsafeBytes { body in
                var vectors = (
                    iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress?.advanced(by: outputOffset)),
                        iov_len: headCount),
                    iovec(iov_base: UnsafeMutableRawPointer(mutating: body.baseAddress), iov_len: body.count)
                )
                return withUnsafeMutablePointer(to: &vectors) { pair in
                    pair.withMemoryRebound(to: iovec.self, capacity: 2) { list in
                        var message = msghdr()
                        message.msg_iov = list
                        message.msg_iovlen = 2
                        return sendmsg(descriptor, &message, HTTPConnection.sendFlags)
                    }
                }
            }
        }
        // A failure is left to `flush`, which meets it again.
        let taken = max(sent, 0)
        if taken < headCount {
            outputOffset += taken
            output.append(contentsOf: bytes)
        } else {
            core.giveBack(&output)
            outputOffset = 0
            let rest = bytes[(taken - headCount)...]
            if !rest.isEmpty { output.append(contentsOf: rest) }
        }
    }

    /// Sends what the socket takes; closes the connection where that is what comes next.
    func flush() {
        guard stage != .closed, !isBlocked else { return }
        while outputOffset < output.count {
            let sent = output.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[outputOffset...])
                return Glibc.send(descriptor, rest.baseAddress, rest.count, HTTPConnection.sendFlags)
            }
            if sent < 0 {
                if errno == EINTR { continue }
                guard errno == EAGAIN else { return close() }
                isBlocked = true
                break
            }
            outputOffset += sent
            // The client has taken something: a stall begins anew.
            if patience == .writing { renewDeadline() }
        }
        if output.count - outputOffset <= HTTPConnection.lowWater { resumeWaiters() }
        guard !isBlocked else { return }
        if output.capacity > 0 { core.giveBack(&output) }
        outputOffset = 0
        switch stage {
        case .closingAfterOutput where !hasUnreadBytes: close()
        case .closingAfterOutput, .lingeringAfterOutput: beginLingering()
        case .open, .upgrading, .upgraded, .lingering, .closed: break
        }
    }
}
