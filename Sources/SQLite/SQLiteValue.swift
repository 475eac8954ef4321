/// A value that SQLite stores: what is bound to a statement, and what a column holds.
public enum SQLiteValue: Sendable, Hashable {
    /// NULL.
    case null
    /// INTEGER.
    case integer(Int64)
    /// REAL.
    case real(Double)
    /// TEXT, in UTF-8.
    case text(String)
    /// TEXT from bytes that are UTF-8 already, as JSON is.
    case utf8([UInt8])
    /// BLOB.
    case blob([UInt8])

    /// TEXT, or NULL for nil.
    public static func optionalText(_ text: String?) -> SQLiteValue {
        text.map { .text($0) } ?? .null
    }
}
