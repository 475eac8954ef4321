/// One command between its call and its reply.
///
/// Confined to the client's loop.
final class PendingCommand: @unchecked Sendable {
    // Unchecked: cancellation handlers on other threads carry the reference and nothing else.

    /// Who waits for the reply.
    enum Receiver {
        /// Nobody any more; the reply only keeps its place in the order.
        case none
        case one(UnsafeContinuation<Result<RedisValue, RedisError>, Never>)
        case many(PendingPipeline, place: Int)
        case greeting((RedisValue) -> Void)
    }

    var receiver = Receiver.none
    /// The command's bytes, held back until they are queued on a connection.
    var command: RedisCommand?
    let size: Int
    /// When the reply, or while no connection stands the connection, has been waited for too long.
    var deadline: UInt64
    let timeout: UInt64
    /// Where the command starts in the connection's stream of bytes.
    var startOffset = 0

    init(command: RedisCommand, timeout: UInt64) {
        self.command = command
        size = command.wire.count
        self.timeout = timeout
        deadline = MonotonicClock.now.advanced(byAtMost: timeout)
    }

    func finish(with result: Result<RedisValue, RedisError>) {
        let receiver = receiver
        self.receiver = .none
        switch receiver {
        case .none: break
        case .one(let continuation): continuation.resume(returning: result)
        case .many(let pipeline, let place): pipeline.take(result, at: place)
        case .greeting(let action): if case .success(let value) = result { action(value) }
        }
    }
}

/// The replies of commands that were sent as one call.
final class PendingPipeline: @unchecked Sendable {
    // Unchecked: confined to the client's loop as its commands are.

    private var results: [Result<RedisValue, RedisError>?]
    private var missing: Int
    private let continuation: UnsafeContinuation<[Result<RedisValue, RedisError>], Never>

    init(count: Int, continuation: UnsafeContinuation<[Result<RedisValue, RedisError>], Never>) {
        results = Array(repeating: nil, count: count)
        missing = count
        self.continuation = continuation
    }

    func take(_ result: Result<RedisValue, RedisError>, at place: Int) {
        if case .success(.error(let error)) = result {
            results[place] = .failure(error)
        } else {
            results[place] = result
        }
        missing -= 1
        if missing == 0 { continuation.resume(returning: results.compactMap { $0 }) }
    }
}
