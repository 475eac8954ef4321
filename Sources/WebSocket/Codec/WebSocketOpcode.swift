/// What a frame is (RFC 6455, section 5.2); the other eleven values are reserved.
enum WebSocketOpcode: UInt8 {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// True for frames that manage the connection: short, whole, and allowed between the fragments of a message.
    var isControl: Bool { rawValue & 0x8 != 0 }
}
