/// Why a command got no useful reply.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: Sendable, Hashable {
        /// There is no connection and the command was never sent.
        case notConnected
        /// The command was sent, and the connection ended or the time ran out before its reply.
        case unanswered
        /// The server refused the command; the first word of its error, as `NOAUTH`, `OOM`, `READONLY` or `NOSCRIPT`.
        case server(String)
        /// The server sent what is not a reply; the connection was dropped.
        case `protocol`
        /// Too much waits for replies already; the command was never sent.
        case overloaded
        /// The task was cancelled before the reply.
        case cancelled
        /// The URL or the certificates cannot be used.
        case configuration
    }

    /// What kind of failure it was.
    public let code: Code
    /// The failure in words; holds neither passwords nor arguments.
    public let message: String
    /// False only when the server surely did not execute the command.
    public let mayHaveBeenExecuted: Bool

    /// An error of these parts.
    public init(code: Code, message: String, mayHaveBeenExecuted: Bool = false) {
        self.code = code
        self.message = message
        self.mayHaveBeenExecuted = mayHaveBeenExecuted
    }

    /// The error that a server's error reply stands for: its first word is the code when it is in capitals.
    init(reply text: String) {
        let word = text.prefix { $0 != " " }
        let isCode = !word.isEmpty && word.utf8.allSatisfy { (0x41...0x5A).contains($0) || $0 == UInt8(ascii: "_") }
        self.init(code: .server(isCode ? String(word) : "ERR"), message: text)
    }

    /// Whether the server says that it is a replica, or that it lost its master: what a master says after a failover.
    ///
    /// Redis 6 puts its word of a command in a script into the middle of the text.
    var isOfFormerMaster: Bool {
        switch code {
        case .server("READONLY"), .server("MASTERDOWN"), .server("UNBLOCKED"): true
        case .server("ERR"): message.contains("-READONLY ")
        default: false
        }
    }

    /// The same error of a script: what it did before it failed stays done.
    func inScript(_ name: String) -> RedisError {
        guard case .server = code else { return self }
        return RedisError(code: code, message: "script \(name): \(message)", mayHaveBeenExecuted: true)
    }

    /// The message.
    public var description: String { message }
}
