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
