/// Why an object could not be kept, had or taken away.
public struct ObjectStoreError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// The server cannot be reached, is too slow or too busy: the same may succeed later.
        case unavailable
        /// The key is not known, its signature is wrong, or it may not do this.
        case denied
        /// The server's clock and ours are too far apart for a signature.
        case clock
        /// There is no such bucket.
        case noSuchBucket
        /// There is no such object.
        case noSuchKey
        /// The bucket is in another region; which, where the server tells.
        case otherRegion(String?)
        /// The object is larger than was allowed.
        case tooLarge
        /// The server refuses it for another reason.
        case refused
    }

    /// What kind of failure it was.
    public let code: Code
    /// What happened, for an operator; without keys and signatures.
    public let message: String

    /// An error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// True when the same may succeed later.
    public var isTemporary: Bool { code == .unavailable }

    /// The message.
    public var description: String { message }
}
