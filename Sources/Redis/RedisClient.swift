public import EventLoop

/// A connection to one Redis server, kept up and used by all at once: commands are pipelined in the order of their calls.
///
/// The client is pinned to its loop. It connects with the first command or by ``connect()``, and again after a failure, with
/// growing pauses; commands fail at once meanwhile (see ``RedisConfiguration/connectionWait``). A reply that is late costs
/// the connection, and every command in flight is then ``RedisError/Code/unanswered``: it may have been executed. What waits
/// for replies is bounded in number and bytes, so a server that hangs holds up nobody and fills no memory.
///
/// A blocking command holds up all that follow it: give it a client of its own, and a timeout longer than its own.
///
/// ```swift
/// let redis = RedisClient(loop: loop, configuration: try RedisConfiguration(url: "redis://127.0.0.1:6379"))
/// try await redis.send(["SET", "greeting", "hello"])
/// let text = try await redis.send(["GET", "greeting"]).text
/// ```
public actor RedisClient {
    /// The loop that the client lives on.
    public nonisolated let loop: EventLoop
    /// Where the server is, and how patient we are.
    public nonisolated let configuration: RedisConfiguration
    /// The loop as the actor's executor.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let link: RedisLink
    private var watchers: [Int: AsyncStream<RedisState>.Continuation] = [:]
    private var nextWatcher = 0

    /// A client that opens nothing before its first command.
    public init(loop: EventLoop, configuration: RedisConfiguration) {
        self.loop = loop
        self.configuration = configuration
        link = RedisLink(loop: loop, configuration: configuration)
    }

    isolated deinit {
        link.close()
        for watcher in watchers.values { watcher.finish() }
    }

    /// How the client stands to its server now.
    public var state: RedisState { link.state }

    /// The state now and each that follows, until the client is shut down.
    public func states() -> AsyncStream<RedisState> {
        let (stream, continuation) = AsyncStream.makeStream(of: RedisState.self, bufferingPolicy: .bufferingNewest(16))
        let number = nextWatcher
        nextWatcher += 1
        watchers[number] = continuation
        let loop = loop
        let forget: @Sendable () -> Void = { [weak self] in self?.assumeIsolated { $0.watchers[number] = nil } }
        continuation.onTermination = { _ in loop.execute(forget) }
        continuation.yield(link.state)
        link.onState = { [weak self] state in self?.assumeIsolated { $0.tellWatchers(state) } }
        return stream
    }

    private func tellWatchers(_ state: RedisState) {
        for watcher in watchers.values { watcher.yield(state) }
    }

    /// Starts to connect now instead of with the first command.
    public func connect() {
        link.connect()
    }

    /// Sends a command and waits for its reply.
    ///
    /// - Parameter timeout: the longest wait for the reply; nil is ``RedisConfiguration/commandTimeout``.
    /// - Throws: ``RedisError``; an error reply of the server is one, with the code `server`.
    @discardableResult
    public func send(_ command: RedisCommand, timeout: Duration? = nil) async throws(RedisError) -> RedisValue {
        let link = link
        let loop = loop
        let pending = PendingCommand(command: command, timeout: link.timeout(timeout))
        let result = await withTaskCancellationHandler {
            // Unsafe as in HTTPClient: the link finishes each command exactly once.
            await withUnsafeContinuation { continuation in
                pending.receiver = .one(continuation)
                self.submit(pending)
            }
        } onCancel: {
            loop.execute { link.abandon(pending) }
        }
        let value = try result.get()
        if case .error(let error) = value { throw error }
        return value
    }

    /// Sends commands in one piece and waits for all replies, which come in the order of the commands.
    ///
    /// Other callers' commands may run in between; a transaction or a script keeps them out.
    public func pipeline(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async -> [Result<RedisValue, RedisError>] {
        guard !commands.isEmpty else { return [] }
        let link = link
        let loop = loop
        let limit = link.timeout(timeout)
        let all = commands.map { PendingCommand(command: $0, timeout: limit) }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let pipeline = PendingPipeline(count: all.count, continuation: continuation)
                for (place, pending) in all.enumerated() {
                    pending.receiver = .many(pipeline, place: place)
                }
                for pending in all { self.submit(pending) }
            }
        } onCancel: {
            loop.execute { for pending in all { link.abandon(pending) } }
        }
    }

    /// Called through `self`, so that the closures above are isolated to the client: one that does not name its actor runs on
    /// the global pool when the caller's task has no preference for the loop.
    private func submit(_ pending: PendingCommand) {
        if Task.isCancelled { link.abandon(pending) } else { link.submit(pending) }
    }

    /// Runs a script by its hash, and by its source where the server does not know it yet.
    @discardableResult
    public func run(
        _ script: RedisScript, keys: [String] = [], arguments: [[UInt8]] = [], timeout: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        do {
            return try await send(script.command(keys: keys, arguments: arguments, bySource: false), timeout: timeout)
        } catch  where error.code != .server("NOSCRIPT") {
            throw error.inScript(script.name)
        } catch {
            // Falls through to the source.
        }
        do {
            return try await send(script.command(keys: keys, arguments: arguments, bySource: true), timeout: timeout)
        } catch {
            throw error.inScript(script.name)
        }
    }

    /// Asks the server for a sign of life.
    public func ping(timeout: Duration? = nil) async throws(RedisError) {
        try await send(["PING"], timeout: timeout)
    }

    /// Closes the connection for good; commands in flight are unanswered, later ones fail.
    public func shutdown() {
        link.close()
        for watcher in watchers.values { watcher.finish() }
        watchers = [:]
    }
}
