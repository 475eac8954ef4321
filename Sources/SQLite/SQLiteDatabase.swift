internal import ThreadExecutor

/// One SQLite file, on a thread of its own.
///
/// Every call into SQLite runs on that thread and nowhere else; calls are served one at a time in order. The file is opened
/// (and made, readable by its owner alone) by the first call, in WAL mode, with foreign keys enforced, a busy timeout and
/// `synchronous = NORMAL`: a commit survives the death of the process, a power cut may take the last ones.
///
/// ```swift
/// let database = SQLiteDatabase(configuration: SQLiteConfiguration(path: "chat.db"))
/// let count = try await database.query("SELECT count(*) AS n FROM messages").first?.int("n")
/// ```
public actor SQLiteDatabase {
    /// What the database was opened with.
    public nonisolated let configuration: SQLiteConfiguration

    private let executor = ThreadExecutor(name: "sqlite")
    private var session: Session?
    private var isClosed = false

    /// Does not open the file yet.
    public init(configuration: SQLiteConfiguration) {
        self.configuration = configuration
    }

    /// The database's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Opens the file now, if it is not open: for a check at the start.
    public func open() throws(SQLiteError) {
        _ = try openSession()
    }

    /// Closes the file for good; later calls throw `closed`.
    public func close() {
        isClosed = true
        session = nil
    }

    /// Runs one statement and returns its rows.
    ///
    /// - Parameters:
    ///   - sql: One statement with `?` where parameters go; prepared once, by its text.
    ///   - parameters: As many values as there are `?`; another number is a programming error and traps.
    /// - Throws: ``SQLiteError``.
    public func query(_ sql: String, _ parameters: [SQLiteValue] = []) throws(SQLiteError) -> SQLiteRows {
        try openSession().query(sql, parameters)
    }

    /// Runs one statement and returns how many rows it changed.
    @discardableResult
    public func execute(_ sql: String, _ parameters: [SQLiteValue] = []) throws(SQLiteError) -> Int {
        try openSession().query(sql, parameters).affected
    }

    /// Runs one statement and lends its rows to a closure as they come, on the database's thread.
    ///
    /// For results that are too large to be held, or of which little is kept. The closure may stop before the end; nothing
    /// else reads or writes the database until it returns.
    ///
    /// - Throws: ``SQLiteError``, also from ``SQLiteCursor/next()``.
    public func read<Result: Sendable>(
        _ sql: String, _ parameters: [SQLiteValue] = [],
        _ body: @Sendable (inout SQLiteCursor) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        try openSession().read(sql, parameters, body)
    }

    /// Gives SQL a function, for this connection.
    ///
    /// - Parameters:
    ///   - name: How SQL calls it; one of SQLite's own is replaced.
    ///   - arguments: How many it takes.
    ///   - body: Must give the same value for the same arguments, and not use the database.
    public func define(_ name: String, arguments: Int, _ body: @escaping SQLiteFunction) throws(SQLiteError) {
        try openSession().define(name, arguments: arguments, body)
    }

    /// Runs several statements without parameters; wrap them in a transaction if they belong together.
    public func script(_ sql: String) throws(SQLiteError) {
        try openSession().script(sql)
    }

    /// Runs a closure as one transaction: committed when it returns, rolled back when it throws.
    ///
    /// The closure is synchronous and runs on the database's thread, so nothing else gets between its statements. The write
    /// lock is taken at the start.
    ///
    /// - Parameter isSynced: Waits until the disk has the commit, so that it survives a power cut too; costs an `fsync`.
    public func transaction<Result: Sendable>(
        isSynced: Bool = false,
        _ body: @Sendable (borrowing SQLiteTransaction) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        let session = try openSession()
        try session.setSynced(isSynced)
        return try session.transaction { () throws(SQLiteError) in
            try body(SQLiteTransaction(session))
        }
    }

    private func openSession() throws(SQLiteError) -> Session {
        if let session { return session }
        guard !isClosed else {
            throw SQLiteError(code: .closed, message: "closed by us", operation: "opening \(configuration.path)")
        }
        let new = try Session(configuration)
        session = new
        return new
    }
}

/// What may be done inside ``SQLiteDatabase/transaction(_:)``; it cannot leave the closure.
public struct SQLiteTransaction: ~Copyable {
    private let session: Session

    init(_ session: Session) {
        self.session = session
    }

    /// Runs one statement and returns its rows.
    public func query(_ sql: String, _ parameters: [SQLiteValue] = []) throws(SQLiteError) -> SQLiteRows {
        try session.query(sql, parameters)
    }

    /// Runs one statement and returns how many rows it changed.
    @discardableResult
    public func execute(_ sql: String, _ parameters: [SQLiteValue] = []) throws(SQLiteError) -> Int {
        try session.query(sql, parameters).affected
    }

    /// Runs several statements without parameters.
    public func script(_ sql: String) throws(SQLiteError) {
        try session.script(sql)
    }
}
