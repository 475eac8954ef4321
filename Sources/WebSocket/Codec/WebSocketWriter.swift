/// Writes frames (RFC 6455, section 5.2) to the end of a byte array.
enum WebSocketWriter {
    /// The most bytes that a control frame carries (RFC 6455, section 5.5).
    static let maxControlBytes = 125

    /// Writes one frame.
    ///
    /// - Parameter mask: a client's key, different for each frame and not to be foretold; nil for a server.
    static func append(
        _ opcode: WebSocketOpcode, _ payload: some Collection<UInt8>, isFinal: Bool = true, mask: UInt32?,
        to output: inout [UInt8]
    ) {
        let count = payload.count
        precondition(!opcode.isControl || (isFinal && count <= maxControlBytes), "control frames are short and whole")
        output.reserveCapacity(output.count + count + 14)
        output.append(opcode.rawValue | (isFinal ? 0x80 : 0))
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        if count < 126 {
            output.append(UInt8(count) | maskBit)
        } else if count <= 0xFFFF {
            output.append(126 | maskBit)
            append(UInt64(count), bytes: 2, to: &output)
        } else {
            output.append(127 | maskBit)
            append(UInt64(count), bytes: 8, to: &output)
        }
        if let mask { append(UInt64(mask), bytes: 4, to: &output) }
        let start = output.count
        output.append(contentsOf: payload)
        if let mask { WebSocketMask.apply(mask, phase: 0, to: &output, from: start) }
    }

    /// The payload of a close frame; a reason that does not fit is cut between characters.
    static func closePayload(_ code: WebSocketCloseCode, reason: String) -> [UInt8] {
        guard code != .noStatus else { return [] }
        var payload = [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)]
        for character in reason {
            guard payload.count + character.utf8.count <= maxControlBytes else { break }
            payload.append(contentsOf: character.utf8)
        }
        return payload
    }

    private static func append(_ value: UInt64, bytes: Int, to output: inout [UInt8]) {
        for index in (0..<bytes).reversed() { output.append(UInt8(truncatingIfNeeded: value >> (UInt64(index) * 8))) }
    }
}
