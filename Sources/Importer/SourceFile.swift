internal import SQLite

/// A file of somebody else's, opened for reading.
///
/// The WAL beside it is read too. Where SQLite cannot open the file because nothing can be written into its folder (a WAL
/// needs shared memory in a file beside it; a journal left by a crash has to be rolled back), it is opened as immutable when
/// there is no WAL and no journal, else copied with them and the copy opened: an immutable file's WAL would be passed over
/// without a word, and with it the newest messages.
struct SourceFile: Sendable {
    /// How the file was opened.
    enum Access: Sendable, Equatable {
        case plain, immutable, copy
    }

    let path: String
    let database: SQLiteDatabase
    let tables: [SourceTable]
    let access: Access

    /// - Parameter forced: For tests; else what the file needs.
    static func open(_ path: String, forced: Access? = nil) async throws(ImportSourceError) -> SourceFile {
        try FileHeader.check(path)
        var access = forced ?? .plain
        while true {
            var copy: FileCopy?
            var configuration = SQLiteConfiguration(path: path)
            configuration.readOnly = true
            switch access {
            case .plain: break
            case .immutable: configuration.isImmutable = true
            case .copy:
                let made = try FileCopy(of: path)
                copy = made
                configuration.path = made.path
                // Recovery writes.
                configuration.readOnly = false
            }
            let database = SQLiteDatabase(configuration: configuration)
            do throws(SQLiteError) {
                if let copy {
                    // The WAL goes into the copy, and the copy out of the folder: nothing of people's chats is left lying about,
                    // however this process ends.
                    try await database.script("PRAGMA journal_mode = DELETE; SELECT count(*) FROM sqlite_master")
                    copy.remove()
                }
                let tables = try await SourceTable.all(in: database)
                try await prepare(database)
                return SourceFile(path: path, database: database, tables: tables, access: access)
            } catch {
                await database.close()
                copy?.remove()
                guard access == .plain, forced == nil, [.cannotOpen, .readOnly, .inputOutput].contains(error.code)
                else {
                    throw translated(error, path: path)
                }
                access = FileCopy.sideFiles(of: path).isEmpty ? .immutable : .copy
            }
        }
    }

    /// Bounds the memory: what has to be sorted goes to a temporary file.
    private static func prepare(_ database: SQLiteDatabase) async throws(SQLiteError) {
        try await database.script(
            """
            PRAGMA temp_store = FILE; PRAGMA cache_size = -8192; PRAGMA temp.cache_size = -4096;
            PRAGMA temp.journal_mode = OFF; PRAGMA temp.synchronous = OFF
            """)
    }

    func table(_ name: String) -> SourceTable? {
        tables.first { $0.name == name } ?? tables.first { $0.name.lowercased() == name.lowercased() }
    }

    /// A table whose rows have numbers: the table itself, or a temporary copy of a view or a table `WITHOUT ROWID`.
    func numbered(_ table: SourceTable) async throws(ImportSourceError) -> SourceTable {
        guard table.rowid == nil else { return table }
        var copy = table
        let name = SourceTable.quoted("import copy of \(table.name)")
        copy.sql = "temp.\(name)"
        copy.rowid = ["rowid", "_rowid_", "oid"].first { table.column($0) == nil }
        do throws(SQLiteError) {
            try await database.script("CREATE TEMP TABLE IF NOT EXISTS \(name) AS SELECT * FROM \(table.sql)")
        } catch {
            throw translated(error)
        }
        return copy
    }

    /// Runs something on the database, with its errors in our words.
    func reading<Result>(
        _ body: (SQLiteDatabase) async throws(SQLiteError) -> Result
    ) async throws(ImportSourceError) -> Result {
        do throws(SQLiteError) { return try await body(database) } catch { throw translated(error) }
    }

    func close() async { await database.close() }

    func translated(_ error: SQLiteError) -> ImportSourceError { Self.translated(error, path: path) }

    static func translated(_ error: SQLiteError, path: String) -> ImportSourceError {
        switch error.code {
        case .busy, .locked: .locked(path: path)
        case .corrupt: .corrupt(path: path, reason: error.message)
        case .notADatabase:
            .notSQLite(
                path: path,
                looksLike: "\(error.message); if it is encrypted (SQLCipher, SEE), export it without a key first")
        case .cannotOpen, .readOnly: .cannotRead(path: path, reason: error.message)
        case .diskFull:
            .failed(
                path: path,
                reason: """
                    no room for temporary files (about 100 bytes a message): set SQLITE_TMPDIR or TMPDIR to a folder \
                    with room
                    """)
        default: .failed(path: path, reason: error.message)
        }
    }
}
