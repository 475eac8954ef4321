/// Why a file cannot be imported, and what to do about it.
public enum ImportSourceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file is not there, or may not be read.
    case cannotRead(path: String, reason: String)
    /// The file is something else than an SQLite database; what it looks like and what to do.
    case notSQLite(path: String, looksLike: String)
    /// The database is damaged.
    case corrupt(path: String, reason: String)
    /// Another process keeps the database locked.
    case locked(path: String)
    /// The tables are none that we know.
    case unknownSchema(path: String, tables: [String])
    /// A table lacks columns that we need.
    case missingColumns(table: String, missing: [String], found: [String])
    /// The mapping names something that the file does not have.
    case mappingDoesNotFit(reason: String)
    /// A position that this source did not write.
    case foreignPosition(String)
    /// SQLite refused a statement.
    case failed(path: String, reason: String)

    /// The cause, and the cure.
    public var description: String {
        switch self {
        case .cannotRead(let path, let reason):
            "cannot read \(path): \(reason)"
        case .notSQLite(let path, let looksLike):
            "\(path) is not an SQLite database: \(looksLike)"
        case .corrupt(let path, let reason):
            """
            \(path) is damaged (\(reason)): save what can be saved with `sqlite3 \(path) .recover | sqlite3 recovered.db` \
            and import recovered.db
            """
        case .locked(let path):
            """
            \(path) is locked by another process: stop the program that writes to it, or import a copy made by \
            `sqlite3 \(path) ".backup copy.db"`
            """
        case .unknownSchema(let path, let tables):
            """
            \(path) is neither ChatBridge's own store nor Mastra's; its tables are \
            \(tables.isEmpty ? "none" : tables.joined(separator: ", ")). \
            `--suggest-map` prints a first mapping of its tables to ours; correct it and pass it with `--map mapping.json`
            """
        case .missingColumns(let table, let missing, let found):
            """
            the table \(table) has no column \(missing.joined(separator: ", ")); it has \(found.joined(separator: ", ")). \
            Bring the store up to date with the program that made it, or describe its tables with `--map mapping.json`
            """
        case .mappingDoesNotFit(let reason):
            "the mapping does not fit the file: \(reason)"
        case .foreignPosition(let text):
            "the checkpoint \(text) is not of this file: start over without it"
        case .failed(let path, let reason):
            "reading \(path): \(reason)"
        }
    }
}
