/// Why something could not be looked up or deleted, for the person who asked for it.
public struct RetentionError: Error, Sendable, CustomStringConvertible {
    /// The kind of trouble.
    public enum Code: Sendable {
        /// A service does not answer, or refuses us: the same may succeed later.
        case unavailable
        /// What is there is not what it should be.
        case data
        /// Somebody else was at the same rows.
        case conflict
        /// Anything else.
        case failed
    }

    /// The kind of trouble.
    public let code: Code
    /// What happened and what to do; without anybody's data.
    public let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
