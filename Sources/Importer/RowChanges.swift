/// What was changed in one row, each kind once.
struct RowChanges {
    private var bits: UInt32 = 0

    mutating func insert(_ change: ImportChange) { bits |= 1 << RowChanges.place(of: change) }

    /// Counts the row under each kind of change.
    func add(to counts: inout [ImportChange: Int]) {
        guard bits != 0 else { return }
        for (place, change) in ImportChange.allCases.enumerated() where bits & 1 << UInt32(place) != 0 {
            counts[change, default: 0] += 1
        }
    }

    private static func place(of change: ImportChange) -> UInt32 {
        // A handful of cases: a dictionary would cost more than the search.
        UInt32(ImportChange.allCases.firstIndex(of: change) ?? 0)
    }
}

/// Why a row cannot be mapped.
struct Rejection: Error, Equatable {
    /// One sentence that names the column.
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
