internal import Glibc

/// What the file system refused the spool.
public struct SpoolError: Error, Sendable, CustomStringConvertible {
    /// What was being done, as in "write a segment".
    public let operation: String
    /// The file or folder.
    public let path: String
    /// The `errno`.
    public let errorNumber: Int32

    init(_ operation: String, path: String, errorNumber: Int32 = errno) {
        self.operation = operation
        self.path = path
        self.errorNumber = errorNumber
    }

    /// The operation, the place and the system's words for the error.
    public var description: String {
        "could not \(operation) at \(path): \(String(cString: strerror(errorNumber)))"
    }
}
