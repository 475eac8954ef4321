@testable import WebSocket

/// Bytes from hexadecimal digits; blanks are for the reader.
func hex(_ text: String) -> [UInt8] {
    let digits = text.utf8.filter { $0 != 0x20 }.map { $0 < 0x3A ? $0 - 0x30 : ($0 | 0x20) - 0x61 + 10 }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// One frame, masked as from a client when there is a mask.
func frame(
    _ opcode: WebSocketOpcode, _ payload: some Collection<UInt8>, isFinal: Bool = true, mask: UInt32? = nil
) -> [UInt8] {
    var bytes: [UInt8] = []
    if opcode.isControl, payload.count > WebSocketWriter.maxControlBytes || !isFinal {
        // What the writer refuses to write.
        WebSocketWriter.append(.binary, payload, isFinal: isFinal, mask: mask, to: &bytes)
        bytes[0] = bytes[0] & 0xF0 | opcode.rawValue
    } else {
        WebSocketWriter.append(opcode, payload, isFinal: isFinal, mask: mask, to: &bytes)
    }
    return bytes
}

/// A close frame's payload of any code.
func closePayload(_ code: UInt16, _ reason: String = "") -> [UInt8] {
    [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8)
}

/// What a parser made of bytes: its events in short words, and the fault that ended it.
struct Reading: Equatable, CustomStringConvertible {
    var events: [WebSocketParser.Event] = []
    var fault: WebSocketFault?

    init(_ events: [WebSocketParser.Event], _ fault: WebSocketFault? = nil) {
        self.events = events
        self.fault = fault
    }

    /// Reads the bytes in pieces.
    init(
        _ bytes: [UInt8], as role: WebSocketRole, limits: WebSocketLimits = WebSocketLimits(),
        pieceAfter: (Int) -> Int
    ) {
        var parser = WebSocketParser(role: role, limits: limits)
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + max(1, pieceAfter(start)))
            let piece = Array(bytes[start..<end])
            start = end
            var offset = 0
            while offset < piece.count {
                do throws(WebSocketFault) {
                    guard let event = try parser.parse(piece.span, from: &offset) else { break }
                    events.append(event)
                } catch {
                    fault = error
                    return
                }
            }
        }
    }

    var description: String { "\(events) \(fault.map { "\($0)" } ?? "")" }
}
