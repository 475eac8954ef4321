/// What an import has done, those of its runs that were interrupted included.
public struct ImportSummary: Sendable, Equatable {
    /// Rows of the source that were read as sessions, those rejected included.
    public internal(set) var sessions = 0
    /// Sessions that were not there before.
    public internal(set) var sessionsAdded = 0
    /// Rows of the source that were read as messages, those rejected included.
    public internal(set) var messages = 0
    /// Messages that were not there before.
    public internal(set) var messagesAdded = 0
    /// Rows that could not be mapped, or that the database refused.
    public internal(set) var rejected = 0
    /// Messages of people who were forgotten (`chatbridge forget`) after they had written them: they are left out.
    public internal(set) var erased = 0
    /// What was changed in how many rows.
    public internal(set) var changes: [ImportChange: Int] = [:]
    /// Messages that earlier runs, which did not come to their end, had done already.
    public internal(set) var resumedAfter = 0

    mutating func note(_ changes: [ImportChange: Int]) {
        self.changes.merge(changes) { $0 + $1 }
    }
}

/// What an import would do.
public struct ImportPreview: Sendable, Equatable {
    /// Sessions that could be mapped.
    public internal(set) var sessions = 0
    /// Those of them that are in the database already.
    public internal(set) var sessionsThere = 0
    /// Messages that could be mapped.
    public internal(set) var messages = 0
    /// Those of them that are in the database already.
    public internal(set) var messagesThere = 0
    /// What would be changed in how many rows.
    public internal(set) var changes: [ImportChange: Int] = [:]
    /// Rows that would be refused.
    public internal(set) var rejected = 0
    /// The first of them.
    public internal(set) var examples: [RejectedRow] = []
    /// Messages that an earlier run, which did not come to its end, has done: the import would go on behind them.
    public internal(set) var resumesAfter: Int?

    mutating func note<Row>(_ page: ImportPage<Row>) {
        changes.merge(page.changes) { $0 + $1 }
        rejected += page.rejected.count
        examples += page.rejected.prefix(max(0, 10 - examples.count))
    }
}

/// How far the work is.
public struct ImportProgress: Sendable, Equatable {
    /// What is being done.
    public enum Stage: String, Sendable {
        /// Sessions are read and written.
        case sessions
        /// Messages are read and written.
        case messages
        /// Messages are compared.
        case comparing
    }

    /// What is being done.
    public var stage: Stage
    /// Rows of the source that are through.
    public var done: Int
    /// All of them.
    public var total: Int
}
