/// How a connection ended.
public struct WebSocketClosure: Sendable, Hashable {
    /// The code of the peer's close frame; ours where the fault was the peer's; ``WebSocketCloseCode/abnormal`` when the connection
    /// was lost without either.
    public let code: WebSocketCloseCode
    /// The reason in the peer's close frame.
    public let reason: String
    /// True when both sides sent a close frame.
    public let isClean: Bool

    /// An end of these parts.
    public init(code: WebSocketCloseCode, reason: String, isClean: Bool) {
        self.code = code
        self.reason = reason
        self.isClean = isClean
    }
}

/// The closing handshake (RFC 6455, section 7.1) as a value: told of what happens, answers with what is to be done.
struct WebSocketClosing {
    /// What is to be done.
    enum Action: Equatable {
        case nothing
        /// Send a close frame with this payload, and wait for the peer's with a deadline.
        case send([UInt8])
        /// Send a close frame with this payload, the last that we send, then end the connection.
        case sendAndEnd([UInt8])
        /// Both close frames have passed: end the connection.
        case end
    }

    private enum Phase {
        case open
        /// Our close frame is on its way and the peer's is awaited.
        case sent
        /// Nothing more is sent or read.
        case over
    }

    private var phase = Phase.open

    /// How the connection ended; nil while it has not.
    private(set) var closure: WebSocketClosure?

    /// True while messages may be sent.
    var isOpen: Bool { phase == .open }

    /// Our user closes.
    mutating func close(_ code: WebSocketCloseCode, reason: String) -> Action {
        guard phase == .open else { return .nothing }
        phase = .sent
        return .send(WebSocketWriter.closePayload(code, reason: reason))
    }

    /// A close frame came.
    mutating func receive(_ code: WebSocketCloseCode, reason: String) -> Action {
        let before = phase
        guard before != .over else { return .nothing }
        phase = .over
        closure = WebSocketClosure(code: code, reason: reason, isClean: true)
        // The answer repeats the code (RFC 6455, section 5.5.1).
        return before == .sent ? .end : .sendAndEnd(WebSocketWriter.closePayload(code, reason: ""))
    }

    /// The peer broke the protocol.
    mutating func fail(_ fault: WebSocketFault) -> Action {
        let before = phase
        guard before != .over else { return .nothing }
        phase = .over
        closure = WebSocketClosure(code: fault.closeCode, reason: "", isClean: false)
        return before == .sent
            ? .end : .sendAndEnd(WebSocketWriter.closePayload(fault.closeCode, reason: fault.rawValue))
    }

    /// The connection is gone, or was given up.
    mutating func lose() {
        phase = .over
        if closure == nil { closure = WebSocketClosure(code: .abnormal, reason: "", isClean: false) }
    }
}
