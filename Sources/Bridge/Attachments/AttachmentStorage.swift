public import ObjectStorage

/// Where copies of inbound attachments are kept, and how much is done for them.
public struct AttachmentStorage: Sendable {
    /// The bucket.
    public var store: ObjectStore
    /// The most bytes of an attachment; larger ones stay with the platform.
    public var maxBytes: Int
    /// How many are fetched at a time.
    ///
    /// Each has up to twice its bytes in memory on its way.
    public var concurrency = 2
    /// How many may wait for their turn, those between two tries included; beyond, they stay with the platform.
    public var maxWaiting = 10_000
    /// How often an attachment is tried before it is given up.
    public var attempts = 6
    /// Between the first two tries; four times as long before each next one, up to ``longestPause``, with chance in it.
    public var firstPause = Duration.seconds(2)
    /// The longest time between two tries.
    public var longestPause = Duration.seconds(300)

    /// Copies in this bucket.
    ///
    /// - Parameter maxBytes: of an attachment; 20 MiB unless told otherwise, what Telegram's bots may fetch
    ///   (<https://core.telegram.org/bots/api#getfile>).
    public init(store: ObjectStore, maxBytes: Int = 20 << 20) {
        self.store = store
        self.maxBytes = maxBytes
    }
}
