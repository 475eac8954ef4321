/// How much of a request the server takes before it refuses.
public struct HTTPLimits: Sendable, Equatable {
    /// The longest request target in bytes; longer ones get 414.
    ///
    /// RFC 9112, section 3, wants at least 8,000.
    public var maxTargetBytes = 8192
    /// All field lines of a head together, in bytes; more gets 431.
    ///
    /// Trailers have the same limit of their own.
    public var maxHeaderBytes = 16_384
    /// Field lines of a head; more gets 431.
    ///
    /// Trailers have the same limit of their own.
    public var maxHeaderCount = 100
    /// The content in bytes, after the chunked coding is taken off; more gets 413.
    public var maxBodyBytes = 1_048_576
    /// Chunk extensions of a request together, in bytes; more gets 400.
    ///
    /// They mean nothing to us (RFC 9112, section 7.1.1).
    public var maxChunkExtensionBytes = 1024

    /// The limits' defaults.
    public init() {}
}
