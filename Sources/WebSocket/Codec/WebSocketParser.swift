/// The reading half of RFC 6455 as a state machine: bytes in, whole messages and control frames or one fault out.
///
/// It takes any split of its input and comes to the same end. What a header alone forbids is refused before any of the payload
/// has come, and a text at its first byte that is not UTF-8. After a fault or a close frame nothing more is read.
struct WebSocketParser {
    /// What a peer sent.
    enum Event: Equatable {
        case message(WebSocketMessage)
        case ping([UInt8])
        case pong([UInt8])
        /// The code is ``WebSocketCloseCode/noStatus`` where the frame has none.
        case close(WebSocketCloseCode, reason: String)
    }

    private enum State {
        case firstByte
        case secondByte
        /// Bytes of the length that are still to come, and its value so far.
        case length(remaining: Int, value: UInt64)
        case mask(remaining: Int)
        case payload
        /// After a close frame or a fault.
        case ended
    }

    /// What is set aside for a payload before any of it has come: a claimed length alone costs no memory.
    private static let maxReserved = 65_536

    private let role: WebSocketRole
    private let limits: WebSocketLimits
    private var state = State.firstByte

    // The frame that is being read.
    private var opcode = WebSocketOpcode.continuation
    private var isFinal = false
    private var lengthForm = 0
    private var frameBytes = 0
    private var readBytes = 0
    private var mask: UInt32 = 0

    // The message and the control frame that are being read; a control frame may stand between a message's fragments.
    private var messageKind: WebSocketOpcode?
    private var message: [UInt8] = []
    private var control: [UInt8] = []
    private var textChecker = UTF8Checker()

    /// A parser at the beginning of a connection.
    ///
    /// - Parameter role: ours, not that of the peer whose bytes are read.
    init(role: WebSocketRole, limits: WebSocketLimits) {
        self.role = role
        self.limits = limits
    }

    /// Reads on from `offset`, which it moves past what it has used, to the end of one message or control frame or of the input.
    ///
    /// - Returns: an event when one is complete; nil when all input is used and more is needed.
    /// - Throws: what is wrong with the peer's bytes.
    mutating func parse(_ input: Span<UInt8>, from offset: inout Int) throws(WebSocketFault) -> Event? {
        while true {
            switch state {
            case .ended:
                offset = input.count
                return nil
            case .payload:
                try takePayload(input, from: &offset)
                if readBytes == frameBytes {
                    if let event = try endFrame() { return event }
                    continue
                }
                return nil
            default:
                guard offset < input.count else { return nil }
                let byte = input[offset]
                offset += 1
                do throws(WebSocketFault) {
                    try takeHeader(byte)
                } catch {
                    state = .ended
                    throw error
                }
            }
        }
    }

    // MARK: Headers

    private mutating func takeHeader(_ byte: UInt8) throws(WebSocketFault) {
        switch state {
        case .firstByte:
            try takeFirst(byte)
            state = .secondByte
        case .secondByte:
            try takeSecond(byte)
        case .length(let remaining, let value):
            // The highest bit of eight bytes must be 0, which the first of them shows.
            if remaining == 8, byte & 0x80 != 0 { throw .lengthTooLarge }
            let length = value << 8 | UInt64(byte)
            if remaining > 1 {
                state = .length(remaining: remaining - 1, value: length)
            } else {
                try endLength(length)
            }
        case .mask(let remaining):
            mask = mask << 8 | UInt32(byte)
            state = remaining > 1 ? .mask(remaining: remaining - 1) : .payload
        case .payload, .ended:
            preconditionFailure("not a header")
        }
    }

    private mutating func takeFirst(_ byte: UInt8) throws(WebSocketFault) {
        guard byte & 0x70 == 0 else { throw .reservedBits }
        guard let opcode = WebSocketOpcode(rawValue: byte & 0x0F) else { throw .reservedOpcode }
        self.opcode = opcode
        isFinal = byte & 0x80 != 0
        switch opcode {
        case .close, .ping, .pong:
            guard isFinal else { throw .controlFragmented }
        case .continuation:
            guard messageKind != nil else { throw .continuationUnexpected }
        case .text, .binary:
            guard messageKind == nil else { throw .continuationExpected }
        }
    }

    private mutating func takeSecond(_ byte: UInt8) throws(WebSocketFault) {
        let isMasked = byte & 0x80 != 0
        if role == .server, !isMasked { throw .maskMissing }
        if role == .client, isMasked { throw .maskForbidden }
        let length = byte & 0x7F
        lengthForm = length < 126 ? 1 : length == 126 ? 2 : 8
        if opcode.isControl, length > 125 { throw .controlTooLong }
        if lengthForm == 1 {
            try endLength(UInt64(length))
        } else {
            state = .length(remaining: lengthForm, value: 0)
        }
    }

    private mutating func endLength(_ length: UInt64) throws(WebSocketFault) {
        if lengthForm == 2 && length < 126 || lengthForm == 8 && length <= 0xFFFF { throw .lengthNotMinimal }
        guard length <= UInt64(limits.maxFrameBytes) else { throw .frameTooBig }
        frameBytes = Int(length)
        readBytes = 0
        if !opcode.isControl {
            guard frameBytes <= limits.maxMessageBytes - message.count else { throw .messageTooBig }
            if messageKind == nil { messageKind = opcode }
            if frameBytes > 0 {
                message.reserveCapacity(message.count + min(frameBytes, WebSocketParser.maxReserved))
            }
        }
        mask = 0
        state = role == .server ? .mask(remaining: 4) : .payload
    }

    // MARK: Payloads

    private mutating func takePayload(_ input: Span<UInt8>, from offset: inout Int) throws(WebSocketFault) {
        let count = min(frameBytes - readBytes, input.count - offset)
        guard count > 0 else { return }
        let piece = input.extracting(offset..<(offset + count))
        offset += count
        let phase = readBytes
        readBytes += count
        if opcode.isControl {
            WebSocketParser.append(piece, mask: mask, phase: phase, to: &control)
            return
        }
        let start = message.count
        WebSocketParser.append(piece, mask: mask, phase: phase, to: &message)
        guard messageKind == .text else { return }
        var checker = textChecker
        let isText = checker.accept(message.span.extracting(start..<message.count))
        textChecker = checker
        guard isText else {
            state = .ended
            throw .textNotUTF8
        }
    }

    private static func append(_ piece: Span<UInt8>, mask: UInt32, phase: Int, to bytes: inout [UInt8]) {
        let start = bytes.count
        piece.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        WebSocketMask.apply(mask, phase: phase, to: &bytes, from: start)
    }

    private mutating func endFrame() throws(WebSocketFault) -> Event? {
        state = .firstByte
        switch opcode {
        case .ping: return .ping(takeControl())
        case .pong: return .pong(takeControl())
        case .close:
            state = .ended
            return try closeEvent(takeControl())
        case .continuation, .text, .binary:
            return isFinal ? try endMessage() : nil
        }
    }

    private mutating func takeControl() -> [UInt8] {
        let bytes = control
        control = []
        return bytes
    }

    private mutating func endMessage() throws(WebSocketFault) -> Event {
        let bytes = message
        let isText = messageKind == .text
        let isComplete = textChecker.isComplete
        message = []
        messageKind = nil
        textChecker = UTF8Checker()
        guard isText else { return .message(.binary(bytes)) }
        guard isComplete else {
            state = .ended
            throw .textNotUTF8
        }
        return .message(.text(String(decoding: bytes, as: UTF8.self)))
    }

    private func closeEvent(_ payload: [UInt8]) throws(WebSocketFault) -> Event {
        if payload.isEmpty { return .close(.noStatus, reason: "") }
        guard payload.count >= 2 else { throw .closeTooShort }
        let code = WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.isSendable else { throw .closeCodeInvalid }
        var checker = UTF8Checker()
        guard checker.accept(payload.span.extracting(2..<payload.count)), checker.isComplete else {
            throw .closeReasonNotUTF8
        }
        return .close(code, reason: String(decoding: payload[2...], as: UTF8.self))
    }
}
