internal import CSQLite

/// A statement in the middle of its rows; it cannot leave the closure that it is lent to.
///
/// For readers of many rows: nothing is copied but what is asked for, and no more than one row is in memory. Columns are
/// counted from 0; one that the statement does not have is a programming error and traps.
///
/// ```swift
/// let bytes = try await database.read("SELECT text FROM messages") { (rows) throws(SQLiteError) in
///     var sum = 0
///     while try rows.next() { sum += rows.bytes(0) { $0.count } }
///     return sum
/// }
/// ```
public struct SQLiteCursor: ~Copyable {
    /// What a column of the row holds.
    public enum Kind: Sendable, Hashable {
        /// NULL.
        case null
        /// INTEGER.
        case integer
        /// REAL.
        case real
        /// TEXT.
        case text
        /// BLOB.
        case blob
    }

    private let statement: OpaquePointer
    private let session: Session
    private let width: Int32

    init(statement: OpaquePointer, of session: Session) {
        self.statement = statement
        self.session = session
        width = sqlite3_column_count(statement)
    }

    /// Steps to the next row.
    ///
    /// - Returns: false at the end.
    public mutating func next() throws(SQLiteError) -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw session.error("a statement")
        }
    }

    /// Runs another statement while this one is in the middle of its rows.
    public func read<Result>(
        _ sql: String, _ parameters: [SQLiteValue] = [], _ body: (inout SQLiteCursor) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        try session.read(sql, parameters, body)
    }

    /// The names of the columns, in order.
    public var columns: [String] {
        (0..<width).map { sqlite3_column_name(statement, $0).map { String(cString: $0) } ?? "" }
    }

    /// What a column holds; ask before reading it, since reading may convert it.
    public func kind(_ column: Int) -> Kind {
        switch sqlite3_column_type(statement, checked(column)) {
        case SQLITE_INTEGER: .integer
        case SQLITE_FLOAT: .real
        case SQLITE_TEXT: .text
        case SQLITE_BLOB: .blob
        default: .null
        }
    }

    /// The value of an INTEGER; 0 for NULL.
    public func integer(_ column: Int) -> Int64 { sqlite3_column_int64(statement, checked(column)) }

    /// The value of a REAL or INTEGER; 0 for NULL.
    public func real(_ column: Int) -> Double { sqlite3_column_double(statement, checked(column)) }

    /// Lends the bytes of a TEXT or BLOB, or the digits of a number; none for NULL.
    ///
    /// A text is as it is in the file, which need not be UTF-8.
    @inlinable
    public func bytes<Result>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(lent(column))
    }

    @usableFromInline
    func lent(_ column: Int) -> UnsafeRawBufferPointer {
        let column = checked(column)
        // The pointer first, then the length: the order that sqlite.org/c3ref/column_blob.html asks for. `column_text`
        // turns UTF-16, in which a file may be, into UTF-8; `column_blob` would give it as it is.
        let isBlob = sqlite3_column_type(statement, column) == SQLITE_BLOB
        let start =
            isBlob
            ? sqlite3_column_blob(statement, column)
            : sqlite3_column_text(statement, column).map { UnsafeRawPointer($0) }
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
    }

    private func checked(_ column: Int) -> Int32 {
        precondition(column >= 0 && column < Int(width), "No such column")
        return Int32(column)
    }
}
