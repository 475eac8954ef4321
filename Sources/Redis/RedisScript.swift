internal import Crypto

/// A Lua script that the server runs as one step, known to it by the hash of its source.
public struct RedisScript: Sendable, Hashable {
    /// What the script is called in errors.
    public let name: String
    /// The script's text.
    public let source: String
    let hash: String

    /// A script; hashing it here once saves sending it each time.
    public init(name: String, source: String) {
        self.name = name
        self.source = source
        hash = Hex.encode(SHA1.digest(of: source))
    }

    /// The command that runs the script by its hash, or by its source for a server that does not know it yet.
    func command(keys: [String], arguments: [[UInt8]], bySource: Bool) -> RedisCommand {
        var command = RedisCommand(bySource ? "EVAL" : "EVALSHA", bySource ? source : hash)
        command.append(keys.count)
        for key in keys { command.append(key) }
        command.append(contentsOf: arguments)
        return command
    }
}
