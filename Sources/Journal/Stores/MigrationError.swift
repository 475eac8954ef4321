public import Postgres

/// Why migrations could not be read or applied, in words for the person who runs `chatbridge migrate`.
public enum MigrationError: Error, Sendable, CustomStringConvertible {
    /// The folder cannot be read.
    case unreadable(path: String)
    /// A file's name is not `NNNN_what_it_does.up.sql` or `….down.sql`.
    case badFileName(String)
    /// Two files have the same number, or a number is left out.
    case badNumbering(String)
    /// An applied migration's file was changed afterwards.
    case changed(fileName: String)
    /// The database holds a migration that we do not know.
    case unknownVersion(Int, name: String)
    /// A migration that cannot be taken back.
    case noWayBack(fileName: String)
    /// The SQL of a migration failed; nothing of it remains.
    case failed(fileName: String, PostgresError)
    /// The database cannot be reached or refuses us.
    case database(PostgresError)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .unreadable(let path): "cannot read migrations from \(path)"
        case .badFileName(let name):
            "\(name): migrations are named 0001_what_it_does.up.sql and 0001_what_it_does.down.sql"
        case .badNumbering(let problem): "migrations are numbered 0001, 0002 … without gaps: \(problem)"
        case .changed(let file):
            "\(file) was changed after it was applied; restore the file and put the change in a new migration"
        case .unknownVersion(let version, let name):
            "the database has migration \(version) (\(name)), which this version does not know; use a newer chatbridge"
        case .noWayBack(let file): "\(file) has no down.sql beside it"
        case .failed(let file, let error): "\(file) failed and was rolled back: \(error.message) (\(error))"
        case .database(let error): "\(error)"
        }
    }
}
