/// A row of the source that has no place in our tables.
public struct RejectedRow: Sendable, Equatable {
    /// The source's table.
    public var table: String
    /// The row's number in the table (`rowid`); 0 where the table has none.
    public var rowid: Int64
    /// Why, in one sentence that names the column.
    public var reason: String
    /// The row as it is in the source: one JSON object, blobs as hexadecimal digits.
    public var values: [UInt8]

    /// A rejected row.
    public init(table: String, rowid: Int64, reason: String, values: [UInt8]) {
        self.table = table
        self.rowid = rowid
        self.reason = reason
        self.values = values
    }
}
