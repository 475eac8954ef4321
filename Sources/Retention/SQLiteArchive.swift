package import BridgeCore
internal import Crypto
internal import Glibc
internal import Journal
internal import SQLite

/// Sessions and messages in the embedded SQLite file.
package struct SQLiteArchive: Archive {
    package var dialect: ArchiveDialect { .sqlite }
    let database: SQLiteDatabase

    /// The file, brought up to date; what is deleted in it is overwritten.
    ///
    /// - Throws: `unavailable` when there is none, or it cannot be used.
    package init(path: String) async throws(RetentionError) {
        guard access(path, F_OK) == 0 else {
            throw RetentionError(
                .unavailable,
                "there is no \(path): run this in the folder where chatbridge runs, or set DATABASE_URL")
        }
        let configuration = SQLiteConfiguration(path: path)
        let store = SQLiteStore(configuration: configuration)
        do throws(JournalStoreError) {
            try await store.migrate()
            await store.close()
        } catch {
            await store.close()
            throw RetentionError(.unavailable, error.message)
        }
        database = SQLiteDatabase(configuration: configuration)
        do throws(SQLiteError) {
            try await database.script("PRAGMA secure_delete = ON")
        } catch {
            throw RetentionError(error)
        }
    }

    package func rows(_ sql: String, _ parameters: [String?]) async throws(RetentionError) -> [[String?]] {
        do throws(SQLiteError) {
            return try await database.query(Self.numbered(sql), Self.values(parameters)).rows.map { row in
                row.map { value in
                    switch value {
                    case .text(let text): text
                    case .integer(let number): String(number)
                    case .real(let number): String(number)
                    default: nil
                    }
                }
            }
        } catch {
            throw RetentionError(error)
        }
    }

    package func execute(_ statements: [ArchiveStatement]) async throws(RetentionError) -> [Int] {
        do throws(SQLiteError) {
            return try await database.transaction { transaction throws(SQLiteError) in
                var counts: [Int] = []
                for statement in statements {
                    counts.append(
                        try transaction.execute(
                            Self.numbered(statement.sql), Self.values(statement.parameters)))
                }
                return counts
            }
        } catch {
            throw RetentionError(error)
        }
    }

    package func remember(
        _ person: Person, at: Timestamp, until: Timestamp
    ) async throws(RetentionError) -> [UInt8] {
        let now = Timestamp.now().description
        do throws(SQLiteError) {
            // There is one writer at a time: what comes after this transaction has to see it.
            return try await database.transaction { transaction throws(SQLiteError) in
                let known = try transaction.query("SELECT key FROM erasures WHERE expires_at > ? LIMIT 1", [.text(now)])
                let key = try known.first?.blob("key") ?? randomBytes(32)
                let hash = Erasures.hash(platform: person.platform, user: person.user, key: key)
                try transaction.execute(
                    "DELETE FROM erasures WHERE expires_at <= ? OR person = ?", [.text(now), .blob(hash)])
                try transaction.execute(
                    "INSERT INTO erasures (key, person, erased_at, expires_at) VALUES (?, ?, ?, ?)",
                    [.blob(key), .blob(hash), .text(at.description), .text(until.description)])
                return hash
            }
        } catch {
            throw RetentionError(error)
        }
    }

    /// Empties the log of the file, which holds what was there before, and cuts free pages off where the file can.
    package func reclaim() async throws(RetentionError) {
        do throws(SQLiteError) {
            // 0 where the file was made without: then free pages are used again, and the file stays as large as it is.
            if try await database.query("PRAGMA auto_vacuum").first?.int("auto_vacuum") == 2 {
                while try await database.query("PRAGMA freelist_count").first?.int("freelist_count") ?? 0 > 0 {
                    let before = try await database.query("PRAGMA page_count").first?.int("page_count")
                    // Small steps: a program that writes waits for one of them at the most.
                    try await database.script("PRAGMA incremental_vacuum(256)")
                    if try await database.query("PRAGMA page_count").first?.int("page_count") == before { break }
                }
            }
            try await database.script("PRAGMA wal_checkpoint(TRUNCATE)")
        } catch {
            // Somebody reads or writes just now: the next one does it.
            guard error.isRetryable else { throw RetentionError(error) }
        }
    }

    package func close() async {
        await database.close()
    }

    /// `$1` in Postgres is `?1` here.
    private static func numbered(_ sql: String) -> String {
        var text = ""
        var isAfterDollar = false
        for character in sql {
            if isAfterDollar { text.append(character.isNumber ? "?" : "$") }
            isAfterDollar = character == "$"
            if !isAfterDollar { text.append(character) }
        }
        return text
    }

    private static func values(_ parameters: [String?]) -> [SQLiteValue] {
        parameters.map { $0.map { .text($0) } ?? .null }
    }
}

extension RetentionError {
    /// What an error of SQLite means here.
    init(_ error: SQLiteError) {
        switch error.code {
        case .foreignKeyViolation: self.init(.conflict, error.description)
        case .corrupt, .notADatabase: self.init(.data, error.description)
        default: self.init(error.isRetryable ? .unavailable : .failed, error.description)
        }
    }
}
