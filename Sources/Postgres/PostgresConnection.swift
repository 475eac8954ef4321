internal import ThreadExecutor

/// One connection to a PostgreSQL server, on a thread of its own.
///
/// Every blocking libpq call runs on that thread and nowhere else, so callers on an event loop only await. Calls are
/// served one at a time in order. The connection is made when it is first needed and made anew by the next call after
/// it broke; a call that was under way when it broke throws an error whose ``PostgresError/isRetryable`` is true, and
/// whether its statement took effect is then not known.
///
/// Cancelling the awaiting task asks the server to stop the statement; the call then throws `cancelled`, or returns
/// normally if the statement was through.
///
/// ```swift
/// let database = PostgresConnection(configuration: try PostgresConfiguration("postgres://localhost/chat"))
/// let rows = try await database.query("SELECT id FROM sessions WHERE platform = $1", [.text("slack")])
/// let ids = try rows.map { try $0.uuid("id") }
/// ```
public actor PostgresConnection {
    /// What the connection was made with.
    public nonisolated let configuration: PostgresConfiguration

    private let executor = ThreadExecutor(name: "postgres")
    private let waker = Waker()
    private var session: Session?
    private var isClosed = false

    /// How many times a connection has been made; more than one means that it broke and was made anew.
    public private(set) var connectionCount = 0

    /// Does not connect yet.
    public init(configuration: PostgresConfiguration) {
        self.configuration = configuration
    }

    /// The connection's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Connects now, if not connected: for a start-up check or `--wait`.
    ///
    /// - Throws: ``PostgresError`` with the code `connectionFailed` after at most the connect timeout for each host.
    public func connect() async throws(PostgresError) {
        _ = try readySession()
    }

    /// Connects now, trying again twice a second while the database cannot be reached, as `--wait` does.
    ///
    /// - Parameter patience: For how long; the last error is thrown when it ends. Other calls wait behind this one.
    /// - Throws: ``PostgresError``; at once when trying again cannot help, or `cancelled` with the task.
    public func connect(retryingFor patience: Duration) async throws(PostgresError) {
        let clock = ContinuousClock()
        let limit = clock.now.advanced(by: patience)
        let interrupt = Interrupt(waker)
        let outcome = await withTaskCancellationHandler {
            Result { () throws(PostgresError) in
                while true {
                    do throws(PostgresError) {
                        _ = try readySession()
                        return
                    } catch {
                        guard error.isRetryable, clock.now < limit, !interrupt.isSet else { throw error }
                    }
                    waker.wait(milliseconds: 500)
                }
            }
        } onCancel: {
            interrupt.set()
        }
        try outcome.get()
    }

    /// Ends the connection for good; later calls throw `connectionLost`.
    public func close() {
        isClosed = true
        session = nil
    }

    /// Runs one statement and returns its rows.
    ///
    /// - Parameters:
    ///   - sql: One statement, `$1`, `$2` … where parameters go. Prepared once per connection, by its text.
    ///   - parameters: The values, in binary.
    /// - Throws: ``PostgresError``.
    public func query(
        _ sql: String, _ parameters: [PostgresValue] = []
    ) async throws(PostgresError) -> PostgresRows {
        try await call { session throws(PostgresError) in
            try session.query(sql, parameters)
        }
    }

    /// Runs one statement and returns how many rows it touched.
    @discardableResult
    public func execute(_ sql: String, _ parameters: [PostgresValue] = []) async throws(PostgresError) -> Int {
        try await query(sql, parameters).affected
    }

    /// Runs a script of statements without parameters, as a migration is; they are one transaction unless the script
    /// says otherwise (PostgreSQL manual, "Multiple Statements in a Simple Query").
    public func simple(_ sql: String) async throws(PostgresError) {
        try await call { session throws(PostgresError) in
            try session.simple(sql, operation: "a script")
        }
    }

    /// Runs several statements in one round trip, as one transaction.
    ///
    /// When one fails, nothing of any of them remains, and the error names the failed one by its place.
    ///
    /// - Returns: The rows of each statement, in order.
    public func pipeline(_ statements: [PostgresStatement]) async throws(PostgresError) -> [PostgresRows] {
        try await call { session throws(PostgresError) in
            try session.pipeline(statements, begin: true, commit: true, operation: "a pipeline")
        }
    }

    /// Runs `COPY … FROM STDIN` with the given data and returns the number of rows copied.
    ///
    /// - Parameters:
    ///   - sql: The COPY statement.
    ///   - chunks: The data, cut anywhere; for the binary format see ``PostgresCopyBuilder``.
    @discardableResult
    public func copyIn(_ sql: String, chunks: [[UInt8]]) async throws(PostgresError) -> Int {
        try await call { session throws(PostgresError) in
            try session.copyIn(sql, chunks, operation: "COPY")
        }
    }

    /// Runs statements, a COPY and further statements as one transaction, in as few round trips as it takes.
    ///
    /// - Parameters:
    ///   - before: What the rows need, as rows that they refer to.
    ///   - sql: `COPY … FROM STDIN (FORMAT binary)`.
    ///   - data: The rows.
    ///   - after: What needs the rows.
    /// - Returns: The rows of the statements after, in order.
    /// - Throws: ``PostgresError``, as `uniqueViolation` when one of the rows is there already; nothing of it remains then.
    public func transaction(
        _ before: [PostgresStatement], copy sql: String, _ data: PostgresCopyData, _ after: [PostgresStatement] = []
    ) async throws(PostgresError) -> [PostgresRows] {
        try await call { session throws(PostgresError) in
            _ = try session.pipeline(before, begin: true, operation: "before COPY")
            do throws(PostgresError) {
                // Without more to do, the end of the transaction travels with its COPY.
                try session.copyIn(after.isEmpty ? "\(sql); COMMIT" : sql, data, operation: "COPY")
            } catch {
                session.rollBack()
                throw error
            }
            return after.isEmpty ? [] : try session.pipeline(after, commit: true, operation: "after COPY")
        }
    }

    /// Runs several calls as one transaction: committed when the closure returns, rolled back when it throws.
    ///
    /// The closure is synchronous, so nothing else gets between its statements. Each of its calls is a round trip;
    /// prefer ``pipeline(_:)`` where no statement depends on an earlier one's result.
    public func transaction<Result: Sendable>(
        _ body: @Sendable (borrowing PostgresTransaction) throws(PostgresError) -> Result
    ) async throws(PostgresError) -> Result {
        try await call { session throws(PostgresError) in
            try session.simple("BEGIN", operation: "a transaction")
            let result: Result
            do throws(PostgresError) {
                result = try body(PostgresTransaction(session))
            } catch {
                session.rollBack()
                throw error
            }
            try session.simple("COMMIT", operation: "a transaction")
            return result
        }
    }

    /// Runs a call on a ready session, lets a cancelled task interrupt it, and drops a session that it left in a state
    /// other than idle.
    private func call<Result: Sendable>(
        _ body: (Session) throws(PostgresError) -> Result
    ) async throws(PostgresError) -> Result {
        let interrupt = Interrupt(waker)
        let outcome = await withTaskCancellationHandler {
            perform(interrupt, body)
        } onCancel: {
            interrupt.set()
        }
        return try outcome.get()
    }

    private func perform<Value: Sendable>(
        _ interrupt: Interrupt, _ body: (Session) throws(PostgresError) -> Value
    ) -> Result<Value, PostgresError> {
        guard !interrupt.isSet else {
            return .failure(PostgresError(code: .cancelled, message: "cancelled before it began", operation: "a call"))
        }
        do throws(PostgresError) {
            let session = try readySession()
            session.interrupt = interrupt
            defer {
                session.interrupt = nil
                if !session.settle() || !session.isReady { self.session = nil }
            }
            return .success(try body(session))
        } catch {
            // A standby, or set so for new connections: the name may lead to another server by now, or the setting be gone.
            if error.code == .readOnly { session = nil }
            return .failure(error)
        }
    }

    private func readySession() throws(PostgresError) -> Session {
        guard !isClosed else {
            throw PostgresError(code: .connectionLost, message: "closed by us", operation: "connecting")
        }
        if let session, session.isReady { return session }
        session = nil
        let new = try Session(configuration, waker: waker)
        connectionCount += 1
        session = new
        return new
    }
}

/// What may be done inside ``PostgresConnection/transaction(_:)``; it cannot leave the closure.
public struct PostgresTransaction: ~Copyable {
    private let session: Session

    init(_ session: Session) {
        self.session = session
    }

    /// Runs one statement and returns its rows.
    public func query(_ sql: String, _ parameters: [PostgresValue] = []) throws(PostgresError) -> PostgresRows {
        try session.query(sql, parameters)
    }

    /// Runs several statements in one round trip.
    public func pipeline(_ statements: [PostgresStatement]) throws(PostgresError) -> [PostgresRows] {
        try session.pipeline(statements, operation: "a pipeline")
    }

    /// Runs a script of statements without parameters.
    public func simple(_ sql: String) throws(PostgresError) {
        try session.simple(sql, operation: "a script")
    }

    /// Runs `COPY … FROM STDIN` and returns the number of rows copied.
    @discardableResult
    public func copyIn(_ sql: String, chunks: [[UInt8]]) throws(PostgresError) -> Int {
        try session.copyIn(sql, chunks, operation: "COPY")
    }
}

extension Session {
    func query(_ sql: String, _ parameters: [PostgresValue]) throws(PostgresError) -> PostgresRows {
        let results = try pipeline([PostgresStatement(sql, parameters)], operation: "a query")
        guard let rows = results.first else { throw lost("a query") }
        return rows
    }
}
