internal import EventLoop
internal import SQLite

/// What happens to the file before it is used, and how its troubles are told.
extension InboxFile {
    /// What the file holds when a run begins.
    struct State: Sendable {
        var lastHeld: Int64
        var jobs: Int
        var jobBytes: Int
        var lastJob: Int64
    }

    /// For how long a process that is just ending may keep the file.
    private static let patience = Duration.seconds(2)

    /// Makes the folder and takes its lock.
    static func locked(folder: String, path: String, loop: EventLoop) async throws(InboxFileError) -> FileLock {
        let end = ContinuousClock.now + patience
        do throws(SpoolError) {
            // Some system calls on the loop, before it serves anybody.
            try SpoolFolder.makeFolders(folder)
            while true {
                if let lock = try FileLock("\(folder)/inbox.lock") { return lock }
                guard ContinuousClock.now < end else { break }
                // The process that is followed may be about to end.
                try? await loop.sleep(for: .milliseconds(20))
            }
        } catch {
            throw InboxFileError(
                code: .unusable,
                message: "\(error): set SPOOL_DIR to a folder on a local disk that chatbridge may write to")
        }
        throw InboxFileError(
            code: .inUse,
            message: "\(path) is in use by another chatbridge: stop that one, or give each a SPOOL_DIR of its own")
    }

    /// Makes the tables where they are not there, and looks at what is there.
    func prepare() async throws(InboxFileError) -> State {
        let state: State?
        do throws(SQLiteError) {
            state = try await database.transaction(isSynced: true) { transaction throws(SQLiteError) -> State? in
                let version = try transaction.query("PRAGMA user_version").first?.int("user_version") ?? 0
                guard version <= Self.version else { return nil }
                if version < 1 { try transaction.script(Self.schema + "PRAGMA user_version = \(Self.version)") }
                // Also the proof that the file can be written to.
                try transaction.execute("UPDATE run SET number = number + 1")
                let row = try transaction.query(
                    """
                    SELECT (SELECT count(*) FROM jobs) AS jobs, (SELECT max(number) FROM jobs) AS last,
                        (SELECT sum(length(job)) FROM jobs) AS bytes, (SELECT max(number) FROM held) AS held
                    """
                ).first
                return State(
                    lastHeld: Int64(try row?.int("held") ?? 0),
                    jobs: try row?.int("jobs") ?? 0, jobBytes: try row?.int("bytes") ?? 0,
                    lastJob: Int64(try row?.int("last") ?? 0))
            }
        } catch {
            throw explained(error)
        }
        guard let state else {
            throw InboxFileError(
                code: .newer, message: "\(path) was written by a newer chatbridge: use that one, or set SPOOL_DIR")
        }
        return state
    }

    private func explained(_ error: SQLiteError) -> InboxFileError {
        switch error.code {
        case .corrupt, .notADatabase, .sql:
            InboxFileError(
                code: .damaged,
                message: """
                    \(path) is damaged (\(error)): move it away with its -wal and -shm, and start again; events that \
                    were acknowledged and not answered yet are in it
                    """)
        default:
            InboxFileError(
                code: .unusable,
                message: """
                    \(path) cannot be used (\(error)): see to the folder's owner, mode and free space, or set SPOOL_DIR
                    """)
        }
    }
}
