internal import CSQLite

/// One open database with its prepared statements; confined to the thread of the actor that made it.
final class Session {
    private let handle: DatabaseHandle
    private var statements: [String: Statement] = [:]
    private var isSynced = false

    /// A dictionary holds no noncopyable values, hence the box.
    private final class Statement {
        let handle: StatementHandle

        init(_ sql: String, in database: borrowing DatabaseHandle) throws(SQLiteError) {
            handle = try StatementHandle(sql, in: database)
        }
    }

    /// Beyond this many different statements the cache starts anew: a caller that builds SQL would fill the memory.
    private static let statementLimit = 128

    init(_ configuration: SQLiteConfiguration) throws(SQLiteError) {
        handle = try DatabaseHandle(configuration)
        let (seconds, attoseconds) = configuration.busyTimeout.components
        sqlite3_busy_timeout(handle.pointer, Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000))
        try script("PRAGMA foreign_keys = ON")
        guard !configuration.readOnly else { return }
        // Before the first page is written, which the next line does.
        if configuration.canShrink { try script("PRAGMA auto_vacuum = INCREMENTAL") }
        // WAL: readers and the one writer do not wait for each other, and a commit is one append.
        // NORMAL: no fsync at each commit. The kernel has the commit, so it survives `kill -9` of this process, which
        // is what the log promises; a power cut may take the last ones but never damages the file
        // (sqlite.org/pragma.html#pragma_synchronous). FULL would cost an fsync for each batch on the embedded default.
        try script("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
    }

    func script(_ sql: String) throws(SQLiteError) {
        guard sqlite3_exec(handle.pointer, sql, nil, nil, nil) == SQLITE_OK else { throw handle.error("a script") }
    }

    /// The open database, for what else belongs to the session.
    var pointer: OpaquePointer { handle.pointer }

    func error(_ operation: String) -> SQLiteError { handle.error(operation) }

    /// Lends a statement's rows one by one.
    func read<Result>(
        _ sql: String, _ parameters: [SQLiteValue], _ body: (inout SQLiteCursor) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        let statement = try prepared(sql)
        let pointer = statement.handle.pointer
        defer {
            sqlite3_reset(pointer)
            sqlite3_clear_bindings(pointer)
        }
        try bind(parameters, to: statement)
        var cursor = SQLiteCursor(statement: pointer, of: self)
        return try body(&cursor)
    }

    func query(_ sql: String, _ parameters: [SQLiteValue]) throws(SQLiteError) -> SQLiteRows {
        let statement = try prepared(sql)
        let pointer = statement.handle.pointer
        defer {
            sqlite3_reset(pointer)
            // So that the cache does not keep a batch of texts alive.
            sqlite3_clear_bindings(pointer)
        }
        try bind(parameters, to: statement)
        let width = sqlite3_column_count(pointer)
        var rows: [[SQLiteValue]] = []
        let before = sqlite3_total_changes(handle.pointer)
        while true {
            switch sqlite3_step(pointer) {
            case SQLITE_ROW: rows.append((0..<width).map { statement.handle.value(at: $0) })
            case SQLITE_DONE:
                let names = (0..<width).map { sqlite3_column_name(pointer, $0).map { String(cString: $0) } ?? "" }
                let changed = sqlite3_total_changes(handle.pointer) - before
                return SQLiteRows(columns: names, rows: rows, affected: Int(changed))
            default: throw handle.error("a statement")
            }
        }
    }

    /// Sets whether a commit waits until the disk has it; not inside a transaction.
    ///
    /// FULL syncs the WAL after each commit, and with it those before; NORMAL only before a checkpoint
    /// (sqlite.org/pragma.html#pragma_synchronous).
    func setSynced(_ isSynced: Bool) throws(SQLiteError) {
        guard isSynced != self.isSynced else { return }
        try script(isSynced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
        self.isSynced = isSynced
    }

    /// Runs a closure between BEGIN IMMEDIATE and COMMIT, or rolls back when it throws.
    ///
    /// IMMEDIATE takes the write lock at the start: a transaction that reads first and writes later may be refused at
    /// its first write without the busy timeout ever being tried.
    func transaction<Result>(_ body: () throws(SQLiteError) -> Result) throws(SQLiteError) -> Result {
        // Prepared once: parsing them costs as much as a small transaction does.
        _ = try query("BEGIN IMMEDIATE", [])
        do throws(SQLiteError) {
            let result = try body()
            _ = try query("COMMIT", [])
            return result
        } catch {
            // Some errors roll back by themselves; then there is nothing left to do.
            if sqlite3_get_autocommit(handle.pointer) == 0 { try? script("ROLLBACK") }
            throw error
        }
    }

    private func bind(_ parameters: [SQLiteValue], to statement: Statement) throws(SQLiteError) {
        let count = Int(sqlite3_bind_parameter_count(statement.handle.pointer))
        precondition(count == parameters.count, "Wrong number of parameters")
        for (index, value) in parameters.enumerated() {
            guard statement.handle.bind(value, at: Int32(index + 1)) == SQLITE_OK else {
                throw handle.error("binding a parameter")
            }
        }
    }

    private func prepared(_ sql: String) throws(SQLiteError) -> Statement {
        if let statement = statements[sql] { return statement }
        if statements.count >= Self.statementLimit { statements.removeAll() }
        let statement = try Statement(sql, in: handle)
        statements[sql] = statement
        return statement
    }
}
