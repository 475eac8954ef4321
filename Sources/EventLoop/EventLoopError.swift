internal import Glibc

/// What the operating system or libevent refused the loop.
public struct EventLoopError: Error, Sendable, CustomStringConvertible {
    /// What was being done, as in "watch a descriptor".
    public let operation: String
    /// The `errno` of the failure; 0 where libevent gives none.
    public let errorNumber: Int32

    /// A failure of `operation`, with the `errno` that explains it.
    public init(operation: String, errorNumber: Int32) {
        self.operation = operation
        self.errorNumber = errorNumber
    }

    /// The operation and the system's words for the error.
    public var description: String {
        errorNumber == 0
            ? "could not \(operation)" : "could not \(operation): \(String(cString: strerror(errorNumber)))"
    }
}
