package import BridgeCore
internal import Journal

/// The database of sessions and messages as these commands use it: Postgres or the embedded SQLite, by SQL that both understand.
///
/// Values go in and come out as text; what differs is in ``ArchiveDialect``.
package protocol Archive: Sendable {
    /// How this database writes what the other writes otherwise.
    var dialect: ArchiveDialect { get }

    /// Runs one statement, `$1`, `$2` … where parameters go, each column cast to text.
    func rows(_ sql: String, _ parameters: [String?]) async throws(RetentionError) -> [[String?]]

    /// Runs statements as one transaction and returns how many rows each touched.
    func execute(_ statements: [ArchiveStatement]) async throws(RetentionError) -> [Int]

    /// Enters a person among those who were forgotten, and returns when every transaction that may not know it is through.
    ///
    /// - Parameters:
    ///   - at: what they have said until then is dropped by loggers from now on.
    ///   - until: for so long.
    /// - Returns: the hash that stands for the person.
    func remember(_ person: Person, at: Timestamp, until: Timestamp) async throws(RetentionError) -> [UInt8]

    /// Gives the file system what deletions have left, where the database can in small steps.
    func reclaim() async throws(RetentionError)

    /// Ends the connection.
    func close() async
}

/// A statement with its parameters.
package struct ArchiveStatement: Sendable {
    let sql: String
    let parameters: [String?]

    package init(_ sql: String, _ parameters: [String?] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}

extension Archive {
    /// Runs one statement and returns how many rows it touched.
    func execute(_ sql: String, _ parameters: [String?] = []) async throws(RetentionError) -> Int {
        try await execute([ArchiveStatement(sql, parameters)]).first ?? 0
    }

    /// The number that a statement answers with.
    func number(_ sql: String, _ parameters: [String?] = []) async throws(RetentionError) -> Int {
        guard let text = try await rows(sql, parameters).first?.first else { return 0 }
        return text.flatMap { Int($0) } ?? 0
    }
}
