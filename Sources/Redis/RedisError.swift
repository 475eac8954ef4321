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

    /// Whether the server says that it does not serve the command's keys, or not any more: it is a replica since a failover,
    /// the keys are with another node, or the cluster is without one for them.
    ///
    /// The connection is given up then, and the server looked for anew.
    public var isOfWrongServer: Bool {
        switch code {
        case .server("READONLY"), .server("MASTERDOWN"), .server("UNBLOCKED"), .server("MOVED"), .server("CLUSTERDOWN"):
            true
        // Redis 6 puts its word of a command in a script into the middle of the text.
        case .server("ERR"): message.contains("-READONLY ")
        default: false
        }
    }

    /// Where a cluster's node says that the keys are: `MOVED 3999 127.0.0.1:6381`.
    var movedTo: RedisPlace? {
        guard code == .server("MOVED") else { return nil }
        return message.split(separator: " ").dropFirst(2).first.flatMap { RedisPlace($0) }
    }

    /// The same error with what to do about it.
    func adding(_ advice: String) -> RedisError {
        RedisError(code: code, message: "\(message): \(advice)", mayHaveBeenExecuted: mayHaveBeenExecuted)
    }

    /// The same error of a script: what it did before it failed stays done.
    func inScript(_ name: String) -> RedisError {
        guard case .server = code else { return self }
        return RedisError(code: code, message: "script \(name): \(message)", mayHaveBeenExecuted: true)
    }

    /// The message.
    public var description: String { message }
}
