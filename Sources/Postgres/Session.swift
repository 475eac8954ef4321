internal import CLibPQ
internal import Glibc
internal import Synchronization
internal import ThreadExecutor

/// One connection from its start to its end; confined to the thread of the actor that made it.
///
/// The socket is in libpq's non-blocking mode and the thread sleeps in `poll(2)`, so that a cancelled task is seen while
/// the server works. The cancel request goes out on another thread, since libpq waits without a limit for a server that does not
/// answer it; no statement follows on this connection before that thread is through, so that it never hits a later one.
final class Session {
    let handle: ConnectionHandle
    let waker: Waker
    let silenceLimit: Duration?
    /// Whether a pooler stands between us and the server: nothing may be kept on the connection from one transaction to the
    /// next.
    private(set) var isPooled = false

    /// Names of the statements prepared on this connection, by their text and the types of their parameters.
    var prepared: [StatementKey: String] = [:]
    var preparedCount = 0

    private let farewell = Farewell()

    /// Set while a call runs.
    var interrupt: Interrupt? {
        didSet { cancelDeadline = nil }
    }

    /// One request is enough for a call.
    private var cancelRequest: CancelRequest?
    /// When a server that was asked to stop a statement and says nothing is left.
    private var cancelDeadline: ContinuousClock.Instant?

    /// How long the server may take to stop a statement.
    private static let cancelPatience = Duration.seconds(2)

    /// Whether the thread that sends a cancel request is through.
    private final class CancelRequest: Sendable {
        let isDone = Atomic(false)
    }

    struct StatementKey: Hashable {
        let sql: String
        let types: [UInt32]
    }

    init(_ configuration: PostgresConfiguration, waker: Waker) throws(PostgresError) {
        handle = try ConnectionHandle(configuration)
        self.waker = waker
        let timeout = configuration.statementTimeout
        silenceLimit = timeout > .zero ? timeout + .seconds(5) : nil
        guard PQsetnonblocking(handle.pointer, 1) == 0 else { throw lost("connecting") }
        // The default receiver prints notices to stderr.
        PQsetNoticeReceiver(handle.pointer, receiveNotice, Unmanaged.passUnretained(farewell).toOpaque())
        isPooled = try begin(timeout)
    }

    /// Sets the time limit of statements where the connection is the server's own, and finds out whether it is.
    ///
    /// A pooler (PgBouncer in transaction mode) makes up the process id that a client gets and gives each transaction the
    /// server's connection that is free. What is set or prepared on one would meet others: there the limit is set for
    /// this one statement alone, which is to say nowhere.
    private func begin(_ timeout: Duration) throws(PostgresError) -> Bool {
        let operation = "connecting"
        let check = "pg_backend_pid() <> \(PQbackendPID(handle.pointer))"
        let sql = "SELECT \(check), set_config('statement_timeout', '\(timeout.milliseconds)', \(check))"
        guard PQsendQuery(handle.pointer, sql) == 1 else { throw lost(operation) }
        var isPooled = false
        var failure: PostgresError?
        while let result = try nextResult(operation) {
            guard result.status == PGRES_TUPLES_OK else {
                failure = failure ?? error(result, operation)
                continue
            }
            isPooled = PQgetvalue(result.pointer, 0, 0).map { $0.pointee == CChar(UInt8(ascii: "t")) } ?? false
        }
        if let failure { throw failure }
        return isPooled
    }

    /// Whether the connection is open and idle as far as can be told without a round trip.
    ///
    /// A server that went away has said so or closed the socket; either shows as something to read.
    var isReady: Bool {
        guard PQstatus(handle.pointer) == CONNECTION_OK, PQpipelineStatus(handle.pointer) == PQ_PIPELINE_OFF,
            PQtransactionStatus(handle.pointer) == PQTRANS_IDLE
        else { return false }
        var socket = pollfd(fd: PQsocket(handle.pointer), events: Int16(POLLIN), revents: 0)
        while poll(&socket, 1, 0) > 0 {
            // PQisBusy parses what PQconsumeInput read; a message outside any statement goes to the notice receiver.
            guard PQconsumeInput(handle.pointer) == 1, PQisBusy(handle.pointer) == 0,
                PQstatus(handle.pointer) == CONNECTION_OK, !farewell.received
            else { return false }
        }
        return true
    }

    /// Takes back the transaction that failed; a connection that cannot even do that is dropped by its owner.
    func rollBack() {
        // A cancelled task has had its cancel request; it must not reach this.
        interrupt = nil
        guard settle() else { return }
        try? simple("ROLLBACK", operation: "a transaction")
    }

    /// Waits a moment for a cancel request that is under way.
    ///
    /// - Returns: false when it is still: then the connection must not be used again.
    func settle() -> Bool {
        guard let request = cancelRequest else { return true }
        for _ in 0..<500 {
            if request.isDone.load(ordering: .acquiring) {
                cancelRequest = nil
                return true
            }
            usleep(1000)
        }
        return false
    }

    /// Runs one or more statements without parameters by the simple protocol, each result ignored but errors.
    func simple(_ sql: String, operation: String) throws(PostgresError) {
        guard PQsendQuery(handle.pointer, sql) == 1 else { throw lost(operation) }
        var failure: PostgresError?
        while let result = try nextResult(operation) {
            switch result.status {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: break
            default: failure = failure ?? error(result, operation)
            }
        }
        if let failure { throw failure }
    }

    /// Sends what is queued and waits for the next result; nil ends the results of one statement.
    func nextResult(_ operation: String) throws(PostgresError) -> ResultHandle? {
        while true {
            let unsent = PQflush(handle.pointer)
            guard unsent >= 0 else { break }
            if unsent == 0 && PQisBusy(handle.pointer) == 0 { break }
            try wait(forWriting: unsent == 1, operation)
            guard PQconsumeInput(handle.pointer) == 1 else { break }
        }
        // Also after a failure: libpq then has a result that says what happened.
        guard let result = PQgetResult(handle.pointer) else {
            if PQstatus(handle.pointer) == CONNECTION_BAD { throw lost(operation) }
            return nil
        }
        return ResultHandle(result)
    }

    /// Sleeps until the socket is ready, the task is cancelled, or nothing happened for too long.
    func wait(forWriting: Bool, _ operation: String) throws(PostgresError) {
        let socket = PQsocket(handle.pointer)
        guard socket >= 0 else { throw lost(operation) }
        var descriptors = [
            pollfd(fd: socket, events: Int16(POLLIN) | (forWriting ? Int16(POLLOUT) : 0), revents: 0),
            pollfd(fd: waker.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        if interrupt?.isSet == true && cancelDeadline == nil {
            cancelDeadline = .now + Session.cancelPatience
            requestCancel()
        }
        var limit = silenceLimit.map { Int32(clamping: $0.milliseconds) } ?? -1
        if let cancelDeadline {
            let left = Int32(clamping: max(.zero, ContinuousClock.now.duration(to: cancelDeadline)).milliseconds)
            limit = limit < 0 ? left : min(limit, left)
        }
        let ready = poll(&descriptors, 2, limit)
        if ready == 0, cancelDeadline != nil {
            throw PostgresError(
                code: .cancelled, message: "cancelled, and the server has not said that it stopped",
                operation: operation)
        }
        if ready == 0 {
            throw PostgresError(
                code: .connectionLost, message: "the server has been silent for too long", operation: operation)
        }
        if ready > 0 && descriptors[1].revents != 0 { waker.drain() }
    }

    /// Asks the server, over a connection of its own, to stop the statement in flight.
    private func requestCancel() {
        guard let cancel = PQgetCancel(handle.pointer) else { return }
        let request = CancelRequest()
        cancelRequest = request
        // Safe: it is a copy of what is needed, and from here on the thread's alone.
        nonisolated(unsafe) let handed = cancel
        BackgroundThread.start(name: "pg-cancel") {
            var message = [CChar](repeating: 0, count: 256)
            // A request that fails leaves the statement to its timeout; there is nobody better to tell.
            _ = PQcancel(handed, &message, Int32(message.count))
            PQfreeCancel(handed)
            request.isDone.store(true, ordering: .releasing)
        }
    }

    func error(_ result: borrowing ResultHandle, _ operation: String) -> PostgresError {
        result.error(operation: operation, cancelled: interrupt?.isSet == true)
    }

    func lost(_ operation: String) -> PostgresError {
        PostgresError(
            code: .connectionLost, message: String(trimming: PQerrorMessage(handle.pointer)), operation: operation)
    }
}

/// Whether the server has said, outside any statement, that it ends the connection.
private final class Farewell {
    var received = false
}

/// A function rather than a closure in a method: libpq calls it, and it must belong to no actor.
private func receiveNotice(_ context: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {
    // 86 is "V", PG_DIAG_SEVERITY_NONLOCALIZED in postgres_ext.h, a macro that Swift does not import.
    guard let context, let severity = PQresultErrorField(result, 86) else { return }
    let text = String(cString: severity)
    if text == "FATAL" || text == "PANIC" {
        Unmanaged<Farewell>.fromOpaque(context).takeUnretainedValue().received = true
    }
}

extension Duration {
    /// Whole milliseconds, rounded up.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
