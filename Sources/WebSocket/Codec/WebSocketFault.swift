/// What is wrong with a peer's frames; nothing that follows can be understood.
public enum WebSocketFault: String, Error, Sendable, Hashable {
    /// One of the three bits of extensions, of which none was negotiated.
    case reservedBits
    /// One of the opcodes 3 to 7 and 11 to 15.
    case reservedOpcode
    /// A client's frame without a mask.
    case maskMissing
    /// A server's frame with a mask.
    case maskForbidden
    /// A control frame of more than 125 bytes.
    case controlTooLong
    /// A control frame that is not its own last fragment.
    case controlFragmented
    /// A length that would fit a shorter form (RFC 6455, section 5.2).
    case lengthNotMinimal
    /// A length of 64 bits with the highest bit set.
    case lengthTooLarge
    /// A continuation of nothing.
    case continuationUnexpected
    /// A new message inside a fragmented one.
    case continuationExpected
    /// A text that is not UTF-8.
    case textNotUTF8
    /// A frame over the limit.
    case frameTooBig
    /// A message over the limit.
    case messageTooBig
    /// A close frame of one byte.
    case closeTooShort
    /// A close code that may not be sent.
    case closeCodeInvalid
    /// A close reason that is not UTF-8.
    case closeReasonNotUTF8

    /// What the peer is told.
    public var closeCode: WebSocketCloseCode {
        switch self {
        case .textNotUTF8, .closeReasonNotUTF8: .invalidData
        case .frameTooBig, .messageTooBig: .messageTooBig
        default: .protocolError
        }
    }
}
