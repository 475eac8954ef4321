/// How much of a peer's sending is taken.
public struct WebSocketLimits: Sendable, Hashable {
    /// The most bytes in one frame; a longer one ends the connection with 1009.
    public var maxFrameBytes: Int
    /// The most bytes in a message, over all of its fragments; a longer one ends the connection with 1009.
    public var maxMessageBytes: Int
    /// Bytes of whole messages that wait for the reader before the peer is made to wait; one message is taken whatever its size.
    public var receiveBufferBytes: Int

    /// These limits; the defaults hold what chat platforms send, images by URL, many times over.
    public init(
        maxFrameBytes: Int = 16 << 20, maxMessageBytes: Int = 16 << 20, receiveBufferBytes: Int = 256 << 10
    ) {
        precondition(maxFrameBytes > 0 && maxMessageBytes > 0 && receiveBufferBytes > 0, "limits are positive")
        self.maxFrameBytes = maxFrameBytes
        self.maxMessageBytes = maxMessageBytes
        self.receiveBufferBytes = receiveBufferBytes
    }
}
