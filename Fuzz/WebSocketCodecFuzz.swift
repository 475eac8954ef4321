@testable import WebSocket

/// Everything that a run of the codec came to, for comparison.
private struct Outcome: Equatable {
    var events: [WebSocketParser.Event] = []
    var fault: WebSocketFault?
}

private func outcome(
    _ bytes: [UInt8], _ role: WebSocketRole, _ limits: WebSocketLimits, pieceAfter: (Int) -> Int
) -> Outcome {
    var parser = WebSocketParser(role: role, limits: limits)
    var result = Outcome()
    var start = 0
    while start < bytes.count {
        let end = min(bytes.count, start + max(1, pieceAfter(start)))
        // A copy of its own, so that the address sanitizer sees a step over either end.
        let piece = Array(bytes[start..<end])
        start = end
        var offset = 0
        while offset < piece.count {
            let before = offset
            do throws(WebSocketFault) {
                guard let event = try parser.parse(piece.span, from: &offset) else {
                    promise(offset == piece.count, "the parser wants more although it has not used what it has")
                    break
                }
                promise(offset > before, "an event of no bytes")
                check(event, limits)
                result.events.append(event)
            } catch {
                promise(error.closeCode.isSendable, "a fault that cannot be told")
                result.fault = error
                return result
            }
        }
    }
    return result
}

private func check(_ event: WebSocketParser.Event, _ limits: WebSocketLimits) {
    switch event {
    case .message(let message):
        promise(message.byteCount <= limits.maxMessageBytes, "the message is over the limit")
    case .ping(let payload), .pong(let payload):
        promise(payload.count <= 125, "a control frame is too long")
    case .close(let code, let reason):
        promise(code == .noStatus || code.isSendable, "a close code that may not be sent")
        promise(reason.utf8.count <= 123, "a reason is too long")
    }
}

/// Writes the events as the other side would, and reads them again.
private func checkWriter(_ events: [WebSocketParser.Event], _ role: WebSocketRole, _ limits: WebSocketLimits) {
    var bytes: [UInt8] = []
    for (index, event) in events.enumerated() {
        let mask: UInt32? = role == .server ? 0x9E37_79B9 &* UInt32(truncatingIfNeeded: index + 1) : nil
        switch event {
        case .message(.text(let text)): WebSocketWriter.append(.text, text.utf8, mask: mask, to: &bytes)
        case .message(.binary(let payload)): WebSocketWriter.append(.binary, payload, mask: mask, to: &bytes)
        case .ping(let payload): WebSocketWriter.append(.ping, payload, mask: mask, to: &bytes)
        case .pong(let payload): WebSocketWriter.append(.pong, payload, mask: mask, to: &bytes)
        case .close(let code, let reason):
            WebSocketWriter.append(
                .close, WebSocketWriter.closePayload(code, reason: reason), mask: mask, to: &bytes)
        }
    }
    // A message that came in fragments is written in one frame.
    let whole = WebSocketLimits(maxFrameBytes: limits.maxMessageBytes, maxMessageBytes: limits.maxMessageBytes)
    let again = outcome(bytes, role, whole) { _ in 7 }
    promise(again == Outcome(events: events), "what was written is read otherwise")
}

/// Feeds the input whole, byte by byte, and in pieces whose sizes come from the input itself, to both roles: all must agree.
func fuzzWebSocketCodec(_ bytes: [UInt8]) {
    // Limits within reach of short inputs, so that both of their sides are met.
    let limits = WebSocketLimits(maxFrameBytes: 300, maxMessageBytes: 400)
    for role in [WebSocketRole.client, .server] {
        let whole = outcome(bytes, role, limits) { _ in bytes.count }
        promise(outcome(bytes, role, limits) { _ in 1 } == whole, "byte by byte: another outcome than whole")
        promise(
            outcome(bytes, role, limits) { Int(bytes[$0] & 31) + 1 } == whole, "in pieces: another outcome than whole")
        checkWriter(whole.events, role, limits)
    }
}
