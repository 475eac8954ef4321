internal import Crypto
public import EventLoop

/// One connection, a client's or a server's: messages in both directions, with bounded memory in each.
///
/// Pings are answered, silent peers are pinged and given up, closing follows RFC 6455, section 7. Cancelling a task that waits in
/// ``receive()`` or ``send(_:)`` closes the socket at once, and so does letting the last reference go. The connection is
/// pinned to its loop; calls from code on that loop do not leave it.
///
/// ```swift
/// let connection = try await WebSocketClient(client).connect("wss://gateway.example/")
/// try await connection.send(.text("hello"))
/// while let message = try await connection.receive() { … }
/// let code = await connection.closure?.code
/// ```
public actor WebSocketConnection {
    /// Unsent bytes above which a sender waits, and below which it goes on.
    static let highWater = 65_536
    static let lowWater = 16_384
    /// Messages that wait for the reader at the most, however small they are.
    static let maxWaitingMessages = 256

    /// The loop that the connection lives on.
    public nonisolated let loop: EventLoop
    /// What both sides agreed to speak; nil when nothing was agreed on.
    public nonisolated let subprotocol: String?
    /// The loop as the actor's executor.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let role: WebSocketRole
    let limits: WebSocketLimits
    let timeouts: WebSocketTimeouts
    /// Nil once the socket is closed.
    var transport: (any WebSocketTransport)?
    var closing = WebSocketClosing()
    /// Nil while messages may come; then how reading ends.
    var outcome: Result<Void, WebSocketError>?
    /// The connection itself while it winds up, which it does also when nobody holds it any more.
    var hold: WebSocketConnection?

    // Reading.
    var parser: WebSocketParser
    /// What was read while the reader was behind.
    var pending: [UInt8]
    var inbox: [WebSocketMessage] = []
    var inboxStart = 0
    var inboxBytes = 0
    var receiver: CheckedContinuation<Result<WebSocketMessage?, WebSocketError>, Never>?
    var isReadPlanned = false

    // Writing.
    var output: [UInt8] = []
    var outputStart = 0
    var masks: [UInt8] = []
    var senders: [CheckedContinuation<WebSocketError?, Never>] = []
    var closers: [CheckedContinuation<Void, Never>] = []
    /// The latest ping that came while there was no room for an answer; those before it need none (RFC 6455, section 5.5.3).
    var owedPong: [UInt8]?

    // Time.
    var keepAliveTimer: LoopTimer?
    var stallTimer: LoopTimer?
    var closeTimer: LoopTimer?
    var hasHeard = false
    var isPinged = false

    /// A connection whose handshake is done, and that reads once it is started.
    ///
    /// - Parameter early: what came behind the handshake.
    init(
        _ transport: any WebSocketTransport, role: WebSocketRole, subprotocol: String?, early: [UInt8],
        limits: WebSocketLimits, timeouts: WebSocketTimeouts
    ) {
        self.transport = transport
        self.role = role
        self.subprotocol = subprotocol
        self.limits = limits
        self.timeouts = timeouts
        loop = transport.loop
        pending = early
        parser = WebSocketParser(role: role, limits: limits)
    }

    isolated deinit {
        transport?.close()
    }

    /// How the connection ended; nil while it has not.
    public var closure: WebSocketClosure? { closing.closure }

    // MARK: Receiving

    /// The next message; nil when both sides have closed in good order, see ``closure``.
    ///
    /// While messages wait here, the peer is made to wait. One reader at a time.
    ///
    /// - Throws: ``WebSocketError`` once all that came before the failure is read.
    public func receive() async throws(WebSocketError) -> WebSocketMessage? {
        let wasFull = isFull || !pending.isEmpty
        if let message = takeMessage() {
            if wasFull { readSome() }
            return message
        }
        if let outcome {
            try outcome.get()
            return nil
        }
        precondition(receiver == nil, "a connection has one reader at a time")
        let loop = loop
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.receiver = continuation
                if Task.isCancelled { self.cut(.cancelled) }
            }
        } onCancel: {
            // May come from any thread, and on the loop itself in the middle of another's work.
            loop.execute { self.assumeIsolated { $0.cutIfReceiving() } }
        }
        return try result.get()
    }

    /// The messages until the connection is closed in good order.
    public nonisolated var messages: WebSocketMessages { WebSocketMessages(connection: self) }

    private func cutIfReceiving() {
        if receiver != nil { cut(.cancelled) }
    }

    // MARK: Sending

    /// Sends a message; returns at once while the peer keeps up, otherwise when it has taken most of what waits.
    ///
    /// Messages go out in the order of the calls.
    ///
    /// - Throws: ``WebSocketError`` when the connection is closed, closing or broken.
    public func send(_ message: WebSocketMessage) async throws(WebSocketError) {
        guard closing.isOpen else { throw .closed }
        switch message {
        case .text(let text): append(.text, text.utf8)
        case .binary(let bytes): append(.binary, bytes)
        }
        flush()
        guard unsentBytes > WebSocketConnection.highWater else { return }
        let loop = loop
        let error = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.senders.append(continuation)
                if Task.isCancelled { self.cut(.cancelled) }
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.cutIfSending() } }
        }
        if let error { throw error }
    }

    /// Sends a text; see ``send(_:)``.
    public func send(text: String) async throws(WebSocketError) {
        try await send(.text(text))
    }

    /// Sends a ping besides those that keep the connection alive; its answer is not reported.
    ///
    /// - Parameter payload: at most 125 bytes.
    public func ping(_ payload: [UInt8] = []) throws(WebSocketError) {
        guard closing.isOpen else { throw .closed }
        append(.ping, payload)
        flush()
    }

    private func cutIfSending() {
        if !senders.isEmpty { cut(.cancelled) }
    }

    // MARK: Closing

    /// Closes in good order: returns when the peer has answered, or has not within ``WebSocketTimeouts/close``.
    ///
    /// What was sent before arrives before; what still comes is thrown away.
    ///
    /// - Parameters:
    ///   - code: one that may be sent, or ``WebSocketCloseCode/noStatus`` for none.
    ///   - reason: for people; cut to 123 bytes.
    public func close(_ code: WebSocketCloseCode = .normal, reason: String = "") async {
        beginClosing(code, reason: reason)
        guard closing.closure == nil else { return }
        await withCheckedContinuation { self.closers.append($0) }
    }

    /// Closes the socket at once, without a word; readers and senders get ``WebSocketError/Code-swift.enum/closed``.
    public func cut() {
        cut(.closed)
    }

    func beginClosing(_ code: WebSocketCloseCode, reason: String) {
        precondition(code.isSendable || code == .noStatus, "this close code is never sent")
        perform(closing.close(code, reason: reason))
    }
}

/// The messages of a connection, to be read once; ends when both sides have closed in good order.
public struct WebSocketMessages: AsyncSequence, Sendable {
    /// A message.
    public typealias Element = WebSocketMessage
    /// Why the connection ended too early.
    public typealias Failure = WebSocketError

    let connection: WebSocketConnection

    /// An iterator over what was not read yet.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(connection: connection)
    }

    /// Reads messages in order.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let connection: WebSocketConnection

        /// The next message, or nil after the last.
        public mutating func next() async throws(WebSocketError) -> WebSocketMessage? {
            try await connection.receive()
        }

        /// The next message, or nil after the last.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(WebSocketError) -> WebSocketMessage? {
            try await connection.receive()
        }
    }
}
