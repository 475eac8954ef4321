/// What a statement gave back, copied out of SQLite.
public struct SQLiteRows: Sendable {
    /// The names of the columns, in order.
    public let columns: [String]
    /// The rows in order, each with one value a column.
    public let rows: [[SQLiteValue]]
    /// How many rows the statement inserted, updated or deleted.
    public let affected: Int
    /// The number of rows returned.
    public var count: Int { rows.count }

    /// The row at a position from 0 up to `count`.
    public subscript(row: Int) -> SQLiteRow { SQLiteRow(columns: columns, values: rows[row]) }

    /// The first row, or nil when there is none.
    public var first: SQLiteRow? { rows.isEmpty ? nil : self[0] }

    /// Calls a closure for each row and gathers what it returns.
    public func map<T>(_ transform: (SQLiteRow) throws -> T) rethrows -> [T] {
        try rows.indices.map { try transform(self[$0]) }
    }
}

/// One row of a result.
///
/// Each accessor takes a column's name, gives nil for NULL, and throws ``SQLiteError`` with the code `unexpectedType` when
/// there is no such column or it holds something else.
public struct SQLiteRow: Sendable {
    let columns: [String]
    let values: [SQLiteValue]

    /// The value as it is stored.
    public func value(_ column: String) throws(SQLiteError) -> SQLiteValue {
        guard let index = columns.firstIndex(of: column) else {
            throw SQLiteError(
                code: .unexpectedType, message: "no column \(column) in the result", operation: "reading a row")
        }
        return values[index]
    }

    /// A TEXT value.
    public func text(_ column: String) throws(SQLiteError) -> String? {
        switch try value(column) {
        case .null: return nil
        case .text(let text): return text
        default: throw unexpected(column)
        }
    }

    /// An INTEGER value.
    public func int(_ column: String) throws(SQLiteError) -> Int? {
        switch try value(column) {
        case .null: return nil
        case .integer(let number): return Int(number)
        default: throw unexpected(column)
        }
    }

    /// A REAL or INTEGER value.
    public func double(_ column: String) throws(SQLiteError) -> Double? {
        switch try value(column) {
        case .null: return nil
        case .real(let number): return number
        case .integer(let number): return Double(number)
        default: throw unexpected(column)
        }
    }

    /// A BLOB value.
    public func blob(_ column: String) throws(SQLiteError) -> [UInt8]? {
        switch try value(column) {
        case .null: return nil
        case .blob(let bytes): return bytes
        default: throw unexpected(column)
        }
    }

    private func unexpected(_ column: String) -> SQLiteError {
        SQLiteError(code: .unexpectedType, message: "column \(column) holds another type", operation: "reading a row")
    }
}
