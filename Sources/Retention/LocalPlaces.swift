internal import Glibc
internal import Journal
internal import SQLite

/// What lies in `SPOOL_DIR` on this machine: spooled log jobs, and where there is no Redis the file of queue, inbox and dead letters.
package struct LocalPlaces: PersonalPlace {
    let directory: String

    package init(directory: String) {
        self.directory = directory
    }

    package func visit(_ matcher: inout PersonMatcher, _ visit: Visit) async throws(RetentionError) -> [Finding] {
        var spool = Finding(.spool)
        do throws(SpoolError) {
            try SpoolErasure.visit(directory) { job in
                guard matcher.matches(job: job) else { return false }
                spool.note(job, isInWork: false, keeps: visit == .collect)
                return visit == .erase
            }
        } catch {
            throw RetentionError(.failed, "\(error); run this as the user that chatbridge runs as")
        }
        let path = "\(directory)/inbox.db"
        guard access(path, F_OK) == 0 else { return [spool] }
        // Locked while a process uses the file: what that has in hand is left to it, since it counts what it holds.
        let lock: FileLock?
        do throws(SpoolError) {
            lock = try FileLock("\(directory)/inbox.lock")
        } catch {
            throw RetentionError(.failed, "\(error); run this as the user that chatbridge runs as")
        }
        let isAlive = lock == nil
        let database = SQLiteDatabase(configuration: SQLiteConfiguration(path: path))
        do throws(SQLiteError) {
            try await database.script("PRAGMA secure_delete = ON")
            var found = [spool]
            let jobs = try await read("jobs", "job", from: database)
            found.append(
                try await erase(
                    jobs.filter { matcher.matches(job: $0.value) }, .queue, "jobs", database, visit, isAlive))
            let held = try await read("held", "payload", from: database)
            found.append(
                try await erase(
                    held.filter { matcher.matches(event: $0.value) }, .inbox, "held", database, visit, isAlive))
            let deadJobs = try await read("dead_jobs", "letter", from: database)
            found.append(
                try await erase(
                    deadJobs.filter { matcher.matches(letter: $0.value) }, .deadJobs, "dead_jobs", database, visit,
                    false)
            )
            let dead = try await read("dead_deliveries", "letter", from: database)
            found.append(
                try await erase(
                    dead.filter { matcher.matches(delivery: $0.value) }, .deadDeliveries, "dead_deliveries", database,
                    visit, false))
            if visit == .erase { try await database.script("PRAGMA wal_checkpoint(TRUNCATE)") }
            await database.close()
            return found
        } catch {
            await database.close()
            throw RetentionError(error)
        }
    }

    private func read(
        _ table: String, _ column: String, from database: SQLiteDatabase
    ) async throws(SQLiteError) -> [(number: Int64, value: [UInt8])] {
        try await database.query("SELECT number, \(column) FROM \(table) ORDER BY number").rows.compactMap { row in
            guard case .integer(let number) = row[0] else { return nil }
            switch row[1] {
            case .blob(let bytes): return (number, bytes)
            case .text(let text): return (number, Array(text.utf8))
            default: return nil
            }
        }
    }

    private func erase(
        _ rows: [(number: Int64, value: [UInt8])], _ place: Finding.Place, _ table: String, _ database: SQLiteDatabase,
        _ visit: Visit, _ isInWork: Bool
    ) async throws(SQLiteError) -> Finding {
        var finding = Finding(place)
        for (number, value) in rows {
            if visit == .erase, !isInWork {
                try await database.execute("DELETE FROM \(table) WHERE number = ?", [.integer(number)])
            }
            finding.note(value, isInWork: isInWork, keeps: visit == .collect)
        }
        return finding
    }
}
