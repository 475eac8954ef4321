/// Why the file of the embedded mode cannot be used, and what to do about it.
public struct InboxFileError: Error, Sendable, CustomStringConvertible {
    /// The kind of trouble.
    public enum Code: Sendable {
        /// Another process uses the file.
        case inUse
        /// What is in the file is damaged, or is no database.
        case damaged
        /// The file was written by a newer version of the program.
        case newer
        /// The file cannot be made, read or written.
        case unusable
    }

    /// The kind of trouble.
    public let code: Code
    /// What happened and what to do, for a person to read.
    public let message: String

    init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
