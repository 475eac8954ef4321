public import BridgeCore

/// One partition of `messages`: the messages whose ids lie in a range, or all that no other partition takes.
public struct MessagePartition: Sendable, Equatable {
    /// The table's name.
    public let name: String
    /// The least id; nil where there is none, and for the DEFAULT partition.
    public let lower: UUID?
    /// The id that every id is below; nil where there is none, and for the DEFAULT partition.
    public let upper: UUID?
    /// Whether it takes what no other partition does.
    public let isDefault: Bool

    /// Reads a bound as `pg_get_expr` writes it: `DEFAULT`, or `FOR VALUES FROM ('…') TO ('…')` with MINVALUE and MAXVALUE.
    init(name: String, bound: String) {
        self.name = name
        isDefault = bound == "DEFAULT"
        let parts = bound.split(separator: "(").dropFirst().map { part in
            part.prefix { $0 != ")" }.filter { $0 != "'" }
        }
        lower = parts.first.flatMap { UUID(String($0)) }
        upper = parts.count < 2 ? nil : UUID(String(parts[1]))
    }

    /// Whether it holds all ids of a month.
    func covers(_ month: Month) -> Bool {
        !isDefault && (lower.map { $0 <= month.lower } ?? true) && (upper.map { $0 >= month.upper } ?? true)
    }

    /// A month of UTC, as a range of ids of version 7.
    struct Month: Sendable, Equatable {
        /// As in `y2026m11`.
        let name: String
        /// The least id that the month can have.
        let lower: UUID
        /// The least id of the month after.
        let upper: UUID
    }

    /// The least id of version 7 that a time can have, and below all that come later; other versions lie anywhere.
    public static func firstID(at milliseconds: Int64) -> UUID {
        UUID(high: UInt64(clamping: milliseconds) << 16, low: 0)
    }
}
