internal import EventLoop
internal import Glibc
internal import HTTPCore

/// One client's connection: reads requests, has them handled one by one and sends the responses.
///
/// An upgrade hands the descriptor and ``pending``, the bytes behind its request, to an ``HTTPUpgradedStream``; what is left here
/// is the server's hold on it.
final class HTTPConnection: @unchecked Sendable {
    // Unchecked: belongs to the server's loop. Tasks carry the reference and use it on the loop alone, which the body writer
    // and the core's entrances check.

    /// How far the connection's life has come.
    enum Stage {
        case open
        /// Answered 101; the socket is handed over when that is sent.
        case upgrading
        /// Another protocol's.
        case upgraded
        /// Closes when the output is sent; the client asked for it, so it sends no more.
        case closingAfterOutput
        /// As before, but the client may be sending: it is heard out a little, or the kernel would answer its bytes by a reset,
        /// which can destroy the response on its way (RFC 9112, section 9.6).
        case lingeringAfterOutput
        /// Our side is closed; what still comes is thrown away.
        case lingering
        case closed
    }

    /// What the deadline is for.
    enum Patience {
        case none, firstByte, head, body, idle, writing, lingering
    }

    /// A request that is being answered.
    struct Exchange {
        let id: UInt64
        let isHead: Bool
        let minorVersion: Int
        let isKeepAlive: Bool
        /// Nil until the response's head is written, for a response with a body function.
        var streamFraming: HTTPResponseSerializer.Framing?
        var task: Task<Void, Never>?
    }

    /// What is kept of pipelined requests while one is handled.
    private static let maxPendingBytes = 16_384
    /// Responses of pipelined requests that are gathered into one system call.
    private static let maxGatheredBytes = 65_536
    /// What is heard of a client that was refused.
    private static let maxLingerBytes = 1_048_576

    let descriptor: Int32
    let core: HTTPServerCore
    let peer: HTTPPeer
    let isOverflow: Bool
    var stage = Stage.open
    var exchange: Exchange?
    /// What was agreed on, while ``Stage/upgrading``.
    var upgrade: HTTPUpgrade?
    /// Who has the socket, while ``Stage/upgraded``.
    var upgraded: HTTPUpgradedStream?
    var output: [UInt8] = []
    var outputOffset = 0
    /// True while the socket takes no more.
    var isBlocked = false
    var isFlushPlanned = false
    var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
    var nextWaiter: UInt64 = 0
    var deadline = UInt64.max
    private(set) var isPeerClosed = false
    var patience = Patience.none
    var watcher: SocketWatcher?
    private(set) var parser: HTTPRequestParser
    private var pending: [UInt8] = []
    private var pendingOffset = 0
    private(set) var exchangeCount: UInt64 = 0
    private var lingeredBytes = 0
    /// True once the client has sent more than the requests that were answered: closing now would reset it.
    private(set) var hasUnreadBytes = false
    /// Where it stands among those that would have to give way.
    var place = HTTPConnectionList.Place()
    var listed: Waiting?
    var listedAt: UInt64 = 0
    var accountedBytes = 0
    /// Its place in the slow lane; see `endTurn()`.
    var turnBegin: UInt64 = 0
    var handledInTurn = 0
    var isPaused = false
    var isSlow = false
    var isQueued = false
    /// Responses in a row that were the client's fault.
    var refusals = 0

    init(_ descriptor: Int32, peer: HTTPPeer, isOverflow: Bool, core: HTTPServerCore) {
        self.descriptor = descriptor
        self.peer = peer
        self.isOverflow = isOverflow
        self.core = core
        parser = HTTPRequestParser(limits: core.configuration.limits)
    }

    func open() {
        watcher = SocketWatcher(descriptor, on: core.loop) { [unowned self] in ready($0) }
        if isOverflow {
            append(
                .error(
                    .serviceUnavailable, code: "too_many_connections", message: "The server has too many connections.",
                    headers: ["Retry-After": "1"]))
        }
        settle()
    }

    // MARK: Events

    private func ready(_ readiness: SocketWatcher.Readiness) {
        if readiness.contains(.write) {
            isBlocked = false
            startTurn()
            settle()
            endTurn()
        }
        if stage == .closed || stage == .upgraded { return }
        if readiness.contains(.read) {
            if isSlow { return waitInLane() }
            // Else the socket stays ready, and is asked again in the next turn.
            if core.takesRequest() { receive() }
        } else if readiness.contains(.closed) {
            peerHasClosed()
        }
    }

    /// Reads once and goes on with what came.
    func receive(atMost limit: Int = HTTPServerCore.readBufferBytes) {
        let buffer = core.readBuffer
        // Behind a request that is being answered no more is taken than will be kept.
        let room = exchange == nil ? limit : min(limit, max(1, HTTPConnection.maxPendingBytes - pendingBytes))
        let count = recv(descriptor, buffer.baseAddress, room, Int32(MSG_DONTWAIT))
        if count == 0 { return peerHasClosed() }
        if count < 0 {
            // Anything but "nothing there" means that the connection is gone.
            if errno != EAGAIN && errno != EINTR { return close() }
            return updateInterest()
        }
        if stage != .open, stage != .upgrading { return discard(count) }
        let input = UnsafeBufferPointer(rebasing: buffer[..<count])
        var offset = 0
        startTurn()
        if pending.isEmpty { parse(input.span, from: &offset) }
        if offset < count {
            if stage == .open || stage == .upgrading {
                // Without this a client that never lets it run empty would make it grow for ever.
                if pendingOffset > 0 {
                    pending.removeFirst(pendingOffset)
                    pendingOffset = 0
                }
                pending.append(contentsOf: input[offset...])
            } else {
                hasUnreadBytes = true
            }
        }
        settle()
        endTurn()
    }

    private func discard(_ count: Int) {
        lingeredBytes += count
        if stage == .lingering, lingeredBytes > HTTPConnection.maxLingerBytes { close() }
    }

    /// The client sends no more.
    ///
    /// It may have closed only its half, so an answer on its way is still sent; a stream is ended.
    private func peerHasClosed() {
        isPeerClosed = true
        if let exchange, exchange.streamFraming == nil, stage == .open {
            exchange.task?.cancel()
            return updateInterest()
        }
        if exchange == nil, stage != .lingering, outputOffset < output.count {
            stage = .closingAfterOutput
            return settle()
        }
        close()
    }

    // MARK: Requests

    private var canParse: Bool { stage == .open && exchange == nil && !isBlocked && !isPaused }
    private var pendingBytes: Int { pending.count - pendingOffset }
    /// True when something of the next request was read and not parsed.
    var hasPending: Bool { pendingBytes > 0 }
    /// True for a request with more content than a chat's messages have.
    var isBulky: Bool { parser.phase == .body && parser.bodyCount > 32_768 }
    /// What its buffers take.
    var bufferedBytes: Int {
        stage == .closed ? 0 : parser.heldBytes + pending.capacity + output.capacity
    }

    private func parse(_ input: Span<UInt8>, from offset: inout Int) {
        while canParse, offset < input.count {
            do throws(HTTPRequestFault) {
                guard let request = try parser.parse(input, from: &offset) else { return }
                handle(request)
                checkTime()
            } catch {
                refuse(error)
            }
            if output.count - outputOffset > HTTPConnection.maxGatheredBytes { flush() }
        }
    }

    private func parsePending() {
        while canParse, pendingOffset < pending.count {
            let bytes = pending
            // A variable of its own: a handler's answer looks at `pendingOffset` meanwhile.
            var offset = pendingOffset
            parse(bytes.span, from: &offset)
            pendingOffset = offset
            flush()
        }
        if pendingOffset == pending.count {
            pending = []
            pendingOffset = 0
        }
    }

    private func handle(_ request: consuming HTTPRequest) {
        request.peer = peer
        patience = .none
        core.list(self, as: nil)
        core.statistics.requests += 1
        exchangeCount += 1
        let id = exchangeCount
        exchange = Exchange(
            id: id, isHead: request.method == .head, minorVersion: request.minorVersion,
            isKeepAlive: request.isKeepAlive)
        switch core.handler(request) {
        case .now(let response):
            guard let stream = begin(response, of: id) else { return }
            exchange?.task = core.loop.spawn(on: core.server) { [self] _ in await run(stream, of: id) }
        case .upgrade(let upgrade):
            begin(upgrade)
        case .later(let operation):
            exchange?.task = core.loop.spawn(on: core.server) { [self] _ in
                let response = await operation()
                startTurn()
                let stream = begin(response, of: id)
                // Who pipelines behind an answer that takes its time has time as well.
                isPaused = hasPending
                settle()
                endTurn()
                if let stream { await run(stream, of: id) }
            }
        }
    }

    /// Hands out what was read and not used.
    func takePending() -> [UInt8] {
        let bytes = Array(pending[pendingOffset...])
        pending = []
        pendingOffset = 0
        return bytes
    }

    /// Answers what the codec, a deadline or a limit refused; nothing that follows can be understood.
    func refuse(_ fault: HTTPRequestFault) {
        core.statistics.refused += 1
        refusals = HTTPConnection.maxRefusals
        // Nothing more is parsed: what it holds is free.
        parser = HTTPRequestParser(limits: core.configuration.limits)
        append(
            .error(
                fault.status, code: fault.rawValue, message: fault.message,
                headers: fault == .overloaded ? ["Retry-After": "1"] : [:]))
    }

    /// Writes a response to no exchange, after which the connection ends.
    private func append(_ response: HTTPResponse) {
        guard case .bytes(let bytes) = response.body else { return }
        borrowOutput()
        HTTPResponseSerializer.appendHead(
            response.status, response.headers, framing: .length(bytes.count), dateLine: core.dateLine, isClosing: true,
            to: &output)
        output.append(contentsOf: bytes)
        stage = .lingeringAfterOutput
    }

    /// Ends the exchange; what follows on the connection depends on both sides' wishes.
    func endExchange(isKeepAlive: Bool) {
        guard let ended = exchange else { return }
        exchange = nil
        guard !isKeepAlive, stage == .open else { return }
        if pendingOffset < pending.count { hasUnreadBytes = true }
        stage = ended.isKeepAlive ? .lingeringAfterOutput : .closingAfterOutput
    }

    // MARK: After each event

    /// Sends what there is, goes on with what was read before, and sets watcher and deadline to what is awaited now.
    func settle() {
        guard stage != .closed, stage != .upgraded else { return }
        if parser.takeContinue(), stage == .open, pendingOffset == pending.count {
            borrowOutput()
            output.append(contentsOf: HTTPResponseSerializer.continueResponse)
        }
        flush()
        parsePending()
        if stage == .upgrading { finishUpgrade() }
        guard stage != .closed, stage != .upgraded else { return }
        updateDeadline()
        updateInterest()
        core.account(self)
    }

    func updateInterest() {
        var interest: SocketWatcher.Readiness = isBlocked ? .write : []
        switch stage {
        case .closed, .upgraded:
            return
        case .lingering where !isQueued:
            interest = .read
        case .open where !isPeerClosed && !isQueued:
            if exchange != nil {
                // Reading on is the cheapest way to see the end of the stream; with a full buffer the event of it must do.
                let isFull = pendingBytes >= HTTPConnection.maxPendingBytes || core.isShortOfMemory
                interest.insert(isFull ? .closed : .read)
            } else if !isBlocked {
                interest = .read
            }
        case .open, .upgrading, .closingAfterOutput, .lingeringAfterOutput, .lingering:
            break
        }
        do { try watcher?.watch(interest) } catch { close() }
    }

    // MARK: The end

    /// Serves what has come already, then closes unless a request is under way.
    func drain() {
        if let upgraded { return upgraded.drain() }
        guard stage == .open, exchange == nil, parser.phase == .idle, outputOffset == output.count else { return }
        receive()
        if stage == .open, exchange == nil, parser.phase == .idle, outputOffset == output.count { close() }
    }

    /// Closes our half and hears the client out.
    func beginLingering() {
        stage = .lingering
        Glibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes the socket at once and cancels what runs for it.
    func close() {
        guard stage != .closed else { return }
        stage = .closed
        deadline = .max
        watcher = nil
        upgraded?.stopWatching()
        Glibc.close(descriptor)
        exchange?.task?.cancel()
        exchange = nil
        let stream = upgraded
        (upgrade, upgraded) = (nil, nil)
        output = []
        outputOffset = 0
        pending = []
        pendingOffset = 0
        core.list(self, as: nil)
        core.account(self)
        resumeWaiters(throwing: HTTPServerError.connectionClosed)
        core.remove(self)
        stream?.cut()
    }
}
