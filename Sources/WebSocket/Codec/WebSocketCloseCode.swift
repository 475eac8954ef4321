/// Why a connection was closed (RFC 6455, section 7.4, and IANA's registry of close codes).
public struct WebSocketCloseCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The number.
    public let rawValue: UInt16

    /// Wraps a number, allowed on the wire or not; see ``isSendable``.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// The purpose is fulfilled.
    public static let normal = WebSocketCloseCode(rawValue: 1000)
    /// The server stops, or the user leaves.
    public static let goingAway = WebSocketCloseCode(rawValue: 1001)
    /// The peer broke the protocol.
    public static let protocolError = WebSocketCloseCode(rawValue: 1002)
    /// The peer sent a kind of message that is not taken.
    public static let unsupportedData = WebSocketCloseCode(rawValue: 1003)
    /// The close frame had no code; never sent.
    public static let noStatus = WebSocketCloseCode(rawValue: 1005)
    /// The connection ended without a close frame; never sent.
    public static let abnormal = WebSocketCloseCode(rawValue: 1006)
    /// A text was not UTF-8.
    public static let invalidData = WebSocketCloseCode(rawValue: 1007)
    /// Something is against the receiver's rules.
    public static let policyViolation = WebSocketCloseCode(rawValue: 1008)
    /// A message was too long.
    public static let messageTooBig = WebSocketCloseCode(rawValue: 1009)
    /// The server failed.
    public static let internalError = WebSocketCloseCode(rawValue: 1011)
    /// The server restarts; come back.
    public static let serviceRestart = WebSocketCloseCode(rawValue: 1012)
    /// The server is overloaded; come back later.
    public static let tryAgainLater = WebSocketCloseCode(rawValue: 1013)

    /// True for codes that may stand in a close frame: the registered ones but those that only describe (1004, 1005, 1006,
    /// 1015), and 3000 to 4999 for libraries and applications (RFC 6455, section 7.4.2).
    public var isSendable: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}
