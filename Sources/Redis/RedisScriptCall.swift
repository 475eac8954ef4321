/// A call of a script, built argument by argument in the form that goes over the wire.
///
/// For scripts that are run often: it makes no array of arguments.
public struct RedisScriptCall: Sendable {
    let script: RedisScript
    private(set) var command: RedisCommand

    /// A call with these keys and no arguments yet.
    public init(_ script: RedisScript, keys: [String] = []) {
        self.script = script
        command = RedisCommand("EVALSHA", script.hash)
        command.append(keys.count)
        for key in keys { command.append(key) }
    }

    /// Makes room for arguments of so many bytes in all.
    public mutating func reserveCapacity(_ bytes: Int) { command.reserveCapacity(bytes) }

    /// Adds an argument of bytes.
    public mutating func append(_ argument: [UInt8]) { command.append(argument) }

    /// Adds an argument of text.
    public mutating func append(_ argument: String) { command.append(argument) }

    /// Adds a number in decimal.
    public mutating func append(_ argument: Int) { command.append(argument) }
}

extension RedisClient {
    /// Runs a script by its hash, after it was loaded where the server does not know it yet.
    @discardableResult
    public func run(_ call: RedisScriptCall, timeout: Duration? = nil) async throws(RedisError) -> RedisValue {
        do {
            return try await send(call.command, timeout: timeout)
        } catch  where error.code != .server("NOSCRIPT") {
            throw error.inScript(call.script.name)
        } catch {
            // Falls through to loading it.
        }
        try await send(["SCRIPT", "LOAD", call.script.source], timeout: timeout)
        do {
            return try await send(call.command, timeout: timeout)
        } catch {
            throw error.inScript(call.script.name)
        }
    }
}
