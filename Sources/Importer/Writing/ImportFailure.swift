public import Postgres

/// Why an import could not be done, or not to its end, besides what is wrong with the file (``ImportSourceError``).
public enum ImportFailure: Error, Sendable, CustomStringConvertible {
    /// Migrations are pending.
    case notMigrated([String])
    /// Another import into the same schema is under way.
    case busy
    /// The database cannot be reached, refuses us, or broke off.
    case database(PostgresError)
    /// The file of rejected rows cannot be written.
    case rejectedFile(path: String, reason: String)

    /// The cause, and the cure.
    public var description: String {
        switch self {
        case .notMigrated(let names):
            "the database lacks \(names.joined(separator: ", ")): run 'chatbridge migrate up' first"
        case .busy: "another import into this database is under way: wait for its end, or end it"
        case .database(let error):
            switch error.code {
            case .readOnly: "the database takes no writes (a standby, or default_transaction_read_only): \(error)"
            case .insufficientPrivilege:
                "\(error); the role of DATABASE_URL must be the one that 'chatbridge migrate' uses"
            default: error.description
            }
        case .rejectedFile(let path, let reason):
            "cannot write \(path): \(reason); --rejected names another file"
        }
    }
}
