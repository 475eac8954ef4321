/// One message: all of its fragments, joined.
public enum WebSocketMessage: Sendable, Hashable {
    /// Text; on the wire UTF-8, which is checked.
    case text(String)
    /// Bytes.
    case binary([UInt8])

    /// The bytes that the message takes in memory and on the wire, frame headers aside.
    var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }
}
