/// Some rows of a source, mapped, and where the next ones start.
public struct ImportPage<Row: Sendable>: Sendable {
    /// The rows that could be mapped, in order.
    public var rows: [Row]
    /// The rows that could not.
    public var rejected: [RejectedRow]
    /// What was changed in how many of the rows.
    public var changes: [ImportChange: Int]
    /// The checkpoint behind the page; nil when it was the last.
    ///
    /// A page without rows may have one.
    public var next: ImportPosition?

    /// A page.
    public init(
        rows: [Row] = [], rejected: [RejectedRow] = [], changes: [ImportChange: Int] = [:], next: ImportPosition? = nil
    ) {
        self.rows = rows
        self.rejected = rejected
        self.changes = changes
        self.next = next
    }
}

/// A place between two rows of a source's order, as text that a checkpoint can keep.
///
/// What the text says is the source's own business; one that it did not write is refused with ``ImportSourceError``.
public struct ImportPosition: Sendable, Hashable, LosslessStringConvertible {
    /// The text form: one line of JSON.
    public let description: String

    /// A position from its text form.
    public init(_ description: String) {
        self.description = description
    }
}

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

/// Something that was changed in a row so that our tables can hold it; the row itself is never lost for it.
public enum ImportChange: String, Sendable, Hashable, CaseIterable {
    /// An identifier that is no UUID was turned into one, the same in every run.
    case idDerived
    /// A message of the same time as the one before it, or with an earlier one, was put 1 µs behind it.
    case timeNudged
    /// NUL or half a surrogate pair in a text was replaced by U+FFFD.
    case textReplaced
    /// Bytes that are not UTF-8 were replaced by U+FFFD.
    case notUTF8
    /// What should be JSON is none, and was kept as `{"raw": …}`.
    case jsonWrapped
    /// SQLite's binary JSON became text.
    case binaryJSONDecoded
    /// A message's session was not in the source: one was made for it.
    case sessionMade
    /// A conversation began before, or ended after, what its row says: its messages decide.
    case sessionTimesWidened
    /// A time was missing; another column of the row stands in.
    case timeMissing
    /// A value that our tables do not know was replaced by the nearest that they do.
    case valueReplaced
    /// Parts that were for the model alone were left out of the text; they are in the metadata.
    case modelPartsLeftOut

    /// What was changed, as a few words behind a count.
    public var summary: String {
        switch self {
        case .idDerived: "ids turned into UUIDs"
        case .timeNudged: "times moved by microseconds to keep the order"
        case .textReplaced: "texts with NUL or lone surrogates, replaced by U+FFFD"
        case .notUTF8: "texts that are not UTF-8, replaced by U+FFFD"
        case .jsonWrapped: "JSON columns without valid JSON, kept as {\"raw\": …}"
        case .binaryJSONDecoded: "binary JSON columns decoded"
        case .sessionMade: "sessions made for messages without one"
        case .sessionTimesWidened: "sessions whose times were widened to those of their messages"
        case .timeMissing: "missing times taken from another column"
        case .valueReplaced: "values unknown to our tables, replaced"
        case .modelPartsLeftOut: "messages with parts for the model alone, kept in the metadata"
        }
    }
}
