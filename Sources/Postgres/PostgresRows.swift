/// What a statement gave back, copied out of libpq: rows in their binary form, decoded when asked for.
public struct PostgresRows: Sendable {
    struct Column: Sendable {
        let name: String
        let oid: UInt32
    }

    /// Where a field lies in `bytes`; a negative length is NULL.
    struct Field: Sendable {
        let offset: Int
        let length: Int
    }

    var columns: [Column] = []
    var fields: [Field] = []
    var bytes: [UInt8] = []

    /// The number of rows returned.
    public internal(set) var count = 0

    /// The number of rows that the statement inserted, updated, deleted or returned (the command tag).
    public internal(set) var affected = 0

    /// The names of the columns, in order.
    public var columnNames: [String] { columns.map(\.name) }

    /// The row at a position from 0 up to `count`.
    public subscript(row: Int) -> PostgresRow {
        precondition(row >= 0 && row < count, "Row out of range")
        return PostgresRow(rows: self, row: row)
    }

    /// The first row, or nil when there is none.
    public var first: PostgresRow? { count == 0 ? nil : self[0] }

    /// Calls a closure for each row and gathers what it returns.
    public func map<T>(_ transform: (PostgresRow) throws -> T) rethrows -> [T] {
        try (0..<count).map { try transform(self[$0]) }
    }
}

/// One row of a result.
///
/// Each accessor takes a column's name, gives nil for NULL, and throws ``PostgresError`` with the code `unexpectedType`
/// when there is no such column or its type is another.
public struct PostgresRow: Sendable {
    let rows: PostgresRows
    let row: Int

    /// Whether the column is NULL.
    public func isNull(_ column: String) throws(PostgresError) -> Bool {
        try field(column).bytes == nil
    }

    /// A `text`, `varchar`, `name`, `json` or `jsonb` column as a string.
    public func text(_ column: String) throws(PostgresError) -> String? {
        let (oid, bytes) = try field(column)
        switch oid {
        case PostgresType.text, PostgresType.varchar, PostgresType.name, PostgresType.json:
            return bytes.map { String(decoding: $0, as: UTF8.self) }
        case PostgresType.jsonb:
            return bytes.map { String(decoding: $0.dropFirst(), as: UTF8.self) }
        default: throw Self.unexpected(column, oid)
        }
    }

    /// An `int2`, `int4` or `int8` column.
    public func int(_ column: String) throws(PostgresError) -> Int? {
        let (oid, bytes) = try field(column)
        switch oid {
        case PostgresType.int2: return bytes.map { Int(Int16(truncatingIfNeeded: Self.number($0))) }
        case PostgresType.int4: return bytes.map { Int(Int32(truncatingIfNeeded: Self.number($0))) }
        case PostgresType.int8: return bytes.map { Int(Self.number($0)) }
        default: throw Self.unexpected(column, oid)
        }
    }

    /// A `bool` column.
    public func bool(_ column: String) throws(PostgresError) -> Bool? {
        let (oid, bytes) = try field(column)
        guard oid == PostgresType.bool else { throw Self.unexpected(column, oid) }
        return bytes.map { $0.first == 1 }
    }

    /// A `float8` column.
    public func double(_ column: String) throws(PostgresError) -> Double? {
        let (oid, bytes) = try field(column)
        guard oid == PostgresType.float8 else { throw Self.unexpected(column, oid) }
        return bytes.map { Double(bitPattern: UInt64(bitPattern: Self.number($0))) }
    }

    /// A `uuid` column.
    public func uuid(_ column: String) throws(PostgresError) -> PostgresUUID? {
        let (oid, bytes) = try field(column)
        guard oid == PostgresType.uuid else { throw Self.unexpected(column, oid) }
        return bytes.map {
            PostgresUUID(
                high: UInt64(bitPattern: Self.number($0.prefix(8))), low: UInt64(bitPattern: Self.number($0.suffix(8))))
        }
    }

    /// A `timestamptz` column, in microseconds since 1970-01-01T00:00:00Z; `infinity` and `-infinity` come as the
    /// nearest times that fit.
    public func microsecondsSinceUnixEpoch(_ column: String) throws(PostgresError) -> Int64? {
        let (oid, bytes) = try field(column)
        guard oid == PostgresType.timestamptz else { throw Self.unexpected(column, oid) }
        return bytes.map { PostgresTime.unix(fromWire: Self.number($0)) }
    }

    /// A `jsonb` or `json` column as UTF-8 JSON text.
    public func json(_ column: String) throws(PostgresError) -> [UInt8]? {
        let (oid, bytes) = try field(column)
        switch oid {
        case PostgresType.jsonb: return bytes.map { Array($0.dropFirst()) }
        case PostgresType.json: return bytes.map { Array($0) }
        default: throw Self.unexpected(column, oid)
        }
    }

    /// A `bytea` column.
    public func bytes(_ column: String) throws(PostgresError) -> [UInt8]? {
        let (oid, bytes) = try field(column)
        guard oid == PostgresType.bytea else { throw Self.unexpected(column, oid) }
        return bytes.map { Array($0) }
    }

    private func field(_ column: String) throws(PostgresError) -> (oid: UInt32, bytes: ArraySlice<UInt8>?) {
        guard let index = rows.columns.firstIndex(where: { $0.name == column }) else {
            throw PostgresError(
                code: .unexpectedType, message: "no column \(column) in the result", operation: "reading a row")
        }
        let field = rows.fields[row * rows.columns.count + index]
        let oid = rows.columns[index].oid
        return field.length < 0 ? (oid, nil) : (oid, rows.bytes[field.offset..<(field.offset + field.length)])
    }

    private static func unexpected(_ column: String, _ oid: UInt32) -> PostgresError {
        PostgresError(
            code: .unexpectedType, message: "column \(column) has type OID \(oid)", operation: "reading a row")
    }

    /// Up to eight bytes, most significant first, sign not extended.
    private static func number(_ bytes: ArraySlice<UInt8>) -> Int64 {
        Int64(bitPattern: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
