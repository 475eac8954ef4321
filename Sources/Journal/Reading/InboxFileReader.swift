public import BridgeCore
internal import SQLite

/// Looks into `SPOOL_DIR/inbox.db`, and at its dead letters' fate, while another process may own it.
///
/// Reads, and takes dead letters away, which their owner does not mind. All else in the file belongs to the process that holds its lock.
public actor InboxFileReader {
    /// An event that is in work, or is taken up with the next start.
    public struct HeldEvent: Sendable {
        /// Our name of the message.
        public let id: UUID
        /// What another bridge needs to answer it.
        public let payload: [UInt8]
        /// How far the answer has come; nil where it is not begun, empty where nothing was noted.
        public let progress: [UInt8]?
    }

    /// A dead letter with its place in the file.
    public struct Letter: Sendable {
        /// Its number: they grow.
        public let number: Int64
        /// The letter.
        public let bytes: [UInt8]

        /// A letter at a place.
        public init(number: Int64, bytes: [UInt8]) {
            self.number = number
            self.bytes = bytes
        }
    }

    /// The tables of dead letters.
    public enum Kind: Sendable {
        /// Log jobs that no database takes.
        case jobs
        /// Events that could not be answered.
        case deliveries

        fileprivate var table: String {
            switch self {
            case .jobs: InboxFile.DeadLetters.jobs.rawValue
            case .deliveries: InboxFile.DeadLetters.deliveries.rawValue
            }
        }
    }

    private let path: String
    private let folder: String
    private let database: SQLiteDatabase

    /// The file in this folder, `SPOOL_DIR`; it is opened when it is first used, and never made.
    public init(folder: String) {
        self.folder = folder
        path = "\(folder)/inbox.db"
        database = SQLiteDatabase(configuration: SQLiteConfiguration(path: path))
    }

    /// The file's name.
    public nonisolated var name: String { path }

    /// Closes the file.
    public func close() async {
        await database.close()
    }

    /// Whether a process has the file in use.
    public func isInUse() -> Bool {
        guard SpoolFolder.isThere("\(folder)/inbox.lock") else { return false }
        return (try? FileLock("\(folder)/inbox.lock")) == nil
    }

    /// The events that are wanted among those in work.
    public func heldEvents(_ isWanted: @Sendable (UUID, [UInt8]) -> Bool) async throws(InboxFileError) -> [HeldEvent] {
        try await rows("SELECT id, payload, begun FROM held ORDER BY number").compactMap { row in
            guard case .text(let text) = row[0], let id = UUID(text), case .blob(let payload) = row[1],
                isWanted(id, payload)
            else { return nil }
            var progress: [UInt8]?
            if case .blob(let bytes) = row[2] { progress = bytes }
            return HeldEvent(id: id, payload: payload, progress: progress)
        }
    }

    /// The jobs that are wanted in the queue and among the dead letters.
    ///
    /// - Parameter part: bytes that each of them holds: the file looks for them itself.
    public func jobs(
        holding part: [UInt8], _ isWanted: @Sendable ([UInt8]) -> Bool
    ) async throws(InboxFileError) -> [FoundJob] {
        var found: [FoundJob] = []
        let queued = try await rows(
            "SELECT job, (SELECT count(*) FROM jobs AS o WHERE o.number < j.number) FROM jobs AS j WHERE instr(job, ?) > 0",
            [.blob(part)])
        for row in queued {
            guard case .blob(let job) = row[0], case .integer(let ahead) = row[1], isWanted(job) else { continue }
            found.append(FoundJob(place: .queue(ahead: Int(ahead)), bytes: job))
        }
        for row in try await rows("SELECT letter FROM dead_jobs WHERE instr(letter, ?) > 0", [.utf8(part)]) {
            guard case .text(let letter) = row[0], isWanted(Array(letter.utf8)) else { continue }
            found.append(FoundJob(place: .dead, bytes: Array(letter.utf8)))
        }
        return found
    }

    /// The number of jobs that wait.
    public func depth() async throws(InboxFileError) -> Int { try await count("jobs") }

    /// The number of dead letters of a kind.
    public func deadCount(_ kind: Kind) async throws(InboxFileError) -> Int { try await count(kind.table) }

    /// Dead letters, newest first, from a place in that order.
    public func deadLetters(_ kind: Kind, from offset: Int, count: Int) async throws(InboxFileError) -> [Letter] {
        try await rows(
            "SELECT number, letter FROM \(kind.table) ORDER BY number DESC LIMIT ? OFFSET ?",
            [.integer(Int64(count)), .integer(Int64(offset))]
        ).compactMap { row in
            guard case .integer(let number) = row[0], case .text(let letter) = row[1] else { return nil }
            return Letter(number: number, bytes: Array(letter.utf8))
        }
    }

    /// Takes a dead letter away.
    ///
    /// - Returns: false where it is not there any more.
    public func dropDeadLetter(_ letter: Letter, _ kind: Kind) async throws(InboxFileError) -> Bool {
        try await write { transaction throws(SQLiteError) in
            try transaction.execute(
                "DELETE FROM \(kind.table) WHERE number = ? AND letter = ?",
                [.integer(letter.number), .utf8(letter.bytes)]) == 1
        }
    }

    /// Makes the event of a dead letter one to be answered with the next start, and takes the letter away, in one step.
    ///
    /// - Parameters:
    ///   - lane: the conversation's name in the inbox.
    ///   - progress: what whoever answers it goes on from; nil: from the start.
    /// - Returns: false where the letter is not there any more.
    /// - Throws: ``InboxFileError`` `inUse` where a process has the file: that one hands out numbers of events, and only looks
    ///   for others at its start.
    public func reviveDelivery(
        _ letter: Letter, id: UUID, lane: String?, payload: [UInt8], progress: [UInt8]?
    ) async throws(InboxFileError) -> Bool {
        let lock: FileLock?
        do throws(SpoolError) { lock = try FileLock("\(folder)/inbox.lock") } catch {
            throw InboxFileError(code: .unusable, message: error.description)
        }
        guard let lock else {
            throw InboxFileError(code: .inUse, message: "\(path) is in use by a chatbridge that runs")
        }
        defer { withExtendedLifetime(lock) {} }
        return try await write { transaction throws(SQLiteError) in
            let gone = try transaction.execute(
                "DELETE FROM dead_deliveries WHERE number = ? AND letter = ?",
                [.integer(letter.number), .utf8(letter.bytes)])
            guard gone == 1 else { return false }
            // As many deaths as the next start will count: none is its own.
            try transaction.execute(
                """
                INSERT INTO held (number, id, lane, crashes, begun, payload)
                SELECT coalesce((SELECT max(number) FROM held), 0) + 1, ?, ?, crashes + 1 - is_over, ?, ? FROM run
                """,
                [
                    .text(id.description), .optionalText(lane), progress.map { .blob($0) } ?? .null, .blob(payload),
                ])
            return true
        }
    }

    // MARK: The file

    private func count(_ table: String) async throws(InboxFileError) -> Int {
        guard case .integer(let count)? = try await rows("SELECT count(*) FROM \(table)").first?.first else { return 0 }
        return Int(count)
    }

    private func rows(_ sql: String, _ values: [SQLiteValue] = []) async throws(InboxFileError) -> [[SQLiteValue]] {
        guard SpoolFolder.isThere(path) else { return [] }
        do throws(SQLiteError) {
            return try await database.query(sql, values).rows
        } catch {
            throw fault(error)
        }
    }

    private func write(
        _ body: @Sendable (borrowing SQLiteTransaction) throws(SQLiteError) -> Bool
    ) async throws(InboxFileError) -> Bool {
        guard SpoolFolder.isThere(path) else { return false }
        do throws(SQLiteError) {
            return try await database.transaction(isSynced: true, body)
        } catch {
            throw fault(error)
        }
    }

    private func fault(_ error: SQLiteError) -> InboxFileError {
        switch error.code {
        case .corrupt, .notADatabase, .sql:
            InboxFileError(
                code: .damaged, message: "\(path) is damaged (\(error)): move it away with its -wal and -shm")
        default:
            InboxFileError(code: .unusable, message: "\(path) cannot be used (\(error)): see to its owner and mode")
        }
    }
}
