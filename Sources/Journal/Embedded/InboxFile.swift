public import EventLoop
package import SQLite
public import Telemetry

/// The file in which a process without Redis keeps what must outlive it: names of events, events in work, log jobs, dead
/// letters.
///
/// It is `inbox.db` in `SPOOL_DIR` and no part of the user's own database: a second connection to that would contend with
/// the logger's for the one writer that a SQLite file has, and a claim would wait for a batch. One process owns it.
///
/// Writes share commits: what is asked for while a commit runs goes into the next one together, so that an `fsync` serves
/// many. Everything blocking happens on the database's own thread. Pinned to a loop; see docs/decisions/inbox.md.
public actor InboxFile {
    /// The loop that the file's users are on.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    /// The file's name; `:memory:` where there is none.
    public nonisolated let path: String

    nonisolated let database: SQLiteDatabase
    /// Counts the log jobs that wait.
    nonisolated let arrivals: JobWaiter
    /// Bytes of the log jobs in the file.
    var jobBytes = 0
    /// The number of the last event that earlier runs have left.
    package private(set) var lastHeld: Int64 = 0
    private let folder: String?
    private var lock: FileLock?
    private var tail = JobTail(next: 1)
    private var waiting: [Write] = []
    private var isCommitting = false
    private var timer: LoopTimer?

    /// The longest that a lazy write waits for others: most go along with the log buffer's pushes, each 5 ms under load.
    static let linger = Duration.milliseconds(10)

    /// The file in a folder, which is not touched yet; nil keeps everything in memory.
    public init(loop: EventLoop, folder: String?) {
        self.loop = loop
        self.folder = folder
        path = folder.map { "\($0)/inbox.db" } ?? ":memory:"
        database = SQLiteDatabase(configuration: SQLiteConfiguration(path: path))
        arrivals = JobWaiter(loop: loop)
    }

    /// Opens the file of a folder; where that fails and nothing depends on it, goes on in memory and says so.
    ///
    /// - Parameter isRequired: whether an acknowledged event is promised to be answered (`ACK=durable`).
    /// - Throws: ``InboxFileError`` when it is required.
    public static func opened(
        loop: EventLoop, folder: String, isRequired: Bool, log: Log
    ) async throws(InboxFileError) -> InboxFile {
        let file = InboxFile(loop: loop, folder: folder)
        do throws(InboxFileError) {
            try await file.open()
            return file
        } catch {
            await file.close()
            if isRequired { throw error }
            log.warning(
                "names of events are kept in memory alone: after a restart a repeated event is answered again",
                ["error": error.message])
            let memory = InboxFile(loop: loop, folder: nil)
            try await memory.open()
            return memory
        }
    }

    /// Locks the file, makes its tables where they are not there, and looks at what is there.
    public func open() async throws(InboxFileError) {
        if let folder { lock = try await InboxFile.locked(folder: folder, path: path, loop: loop) }
        let state = try await prepare()
        lastHeld = state.lastHeld
        tail = JobTail(next: state.lastJob + 1)
        jobBytes = state.jobBytes
        arrivals.jobs = state.jobs
    }

    /// Ends the file's use after what has been asked for; nothing is given up or changed in it.
    public func close() async {
        while isCommitting || !waiting.isEmpty {
            startCommit()
            try? await loop.sleep(for: .milliseconds(1))
        }
        timer = nil
        await database.close()
        lock = nil
    }

    /// The log jobs that end with the process, oldest first: none where there is a file.
    public func unsavedJobs() async -> [[UInt8]] {
        guard folder == nil else { return [] }
        let jobs = try? await write { transaction, _ throws(SQLiteError) in
            try transaction.query("SELECT job FROM jobs ORDER BY number").rows.compactMap { row -> [UInt8]? in
                if case .blob(let job) = row[0] { job } else { nil }
            }
        }
        return jobs ?? []
    }

    /// The dead letters of a kind, oldest first.
    package func deadLetters(_ table: DeadLetters) async throws(SQLiteError) -> [[UInt8]] {
        try await write { transaction, _ throws(SQLiteError) in
            try transaction.query("SELECT letter FROM \(table.rawValue) ORDER BY number").rows.compactMap {
                row -> [UInt8]? in
                if case .text(let letter) = row[0] { Array(letter.utf8) } else { nil }
            }
        }
    }

    /// Notes that jobs are gone from the file.
    func forget(bytes: Int) {
        jobBytes -= bytes
    }

    // MARK: Commits

    /// Does something in the next commit.
    ///
    /// - Parameters:
    ///   - isSynced: also waits until the disk has it.
    ///   - isLazy: may wait for others to share a commit with, at most ``linger``.
    ///   - body: runs on the database's thread; a second time when somebody else's part has made the commit fail.
    /// - Returns: what the body returned, after the commit.
    @discardableResult
    package func write<Value: Sendable>(
        isSynced: Bool = false, isLazy: Bool = false,
        _ body: @escaping @Sendable (borrowing SQLiteTransaction, JobTail) throws(SQLiteError) -> Value
    ) async throws(SQLiteError) -> Value {
        let result = Result<Value>()
        let write = Write(isSynced: isSynced, isLazy: isLazy) { transaction, tail throws(SQLiteError) in
            result.value = try body(transaction, tail)
        }
        await withCheckedContinuation { continuation in
            write.continuation = continuation
            self.add(write)
        }
        if let error = write.error { throw error }
        guard let value = result.value else { preconditionFailure("a commit without its parts") }
        return value
    }

    private func add(_ write: Write) {
        waiting.append(write)
        if isCommitting { return }
        if write.isLazy { linger() } else { startCommit() }
    }

    private func linger() {
        if timer == nil {
            timer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.startCommit() } }
        }
        guard timer?.isScheduled == false else { return }
        timer?.schedule(after: InboxFile.linger)
    }

    private func startCommit() {
        guard !isCommitting else { return }
        isCommitting = true
        timer?.cancel()
        // At the end of the turn: all that this turn asks for shares the first commit.
        loop.beforePolling { [self] in
            loop.spawn(on: self) { await $0.commit() }
        }
    }

    private func commit() async {
        repeat {
            let writes = waiting
            waiting = []
            await commit(writes)
            for write in writes { write.continuation?.resume() }
        } while waiting.contains { !$0.isLazy }
        isCommitting = false
        if !waiting.isEmpty { linger() }
    }

    private func commit(_ writes: [Write]) async {
        let tail = tail
        do throws(SQLiteError) {
            let added = try await database.transaction(isSynced: writes.contains(where: \.isSynced)) {
                transaction throws(SQLiteError) in
                _ = tail.takeAdded()
                for write in writes { try write.body(transaction, tail) }
                return tail.takeAdded()
            }
            for write in writes { write.error = nil }
            jobBytes += added.reduce(0, +)
            arrivals.jobs += added.count
        } catch {
            for write in writes { write.error = error }
            // One part must not be the end of others: a disk that has no room for this may have room for that.
            guard writes.count > 1 else { return }
            for write in writes { await commit([write]) }
        }
    }

    /// One caller's part of a commit.
    ///
    /// Unchecked: set on the loop; the body runs on the database's thread while the loop only waits for it.
    private final class Write: @unchecked Sendable {
        let isSynced: Bool
        let isLazy: Bool
        let body: @Sendable (borrowing SQLiteTransaction, JobTail) throws(SQLiteError) -> Void
        var continuation: CheckedContinuation<Void, Never>?
        var error: SQLiteError?

        init(
            isSynced: Bool, isLazy: Bool,
            body: @escaping @Sendable (borrowing SQLiteTransaction, JobTail) throws(SQLiteError) -> Void
        ) {
            self.isSynced = isSynced
            self.isLazy = isLazy
            self.body = body
        }
    }

    /// What a body returned; unchecked for the reason of ``Write``.
    private final class Result<Value: Sendable>: @unchecked Sendable {
        var value: Value?
    }
}
