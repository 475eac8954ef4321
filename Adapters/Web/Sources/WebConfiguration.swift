/// The limits of messages that come by our own API and the chat page.
public struct WebConfiguration: Sendable {
    /// The longest text, in bytes of UTF-8.
    public var longestText: Int
    /// The most attachments of one message.
    public var mostAttachments: Int

    /// The limits.
    public init(longestText: Int = 1 << 20, mostAttachments: Int = 100) {
        self.longestText = longestText
        self.mostAttachments = mostAttachments
    }
}
