public import BridgeCore
public import EventLoop
public import Journal
internal import SQLite
public import Telemetry

/// The inbox of a process without Redis: nobody shares it, and what it holds outlives the process in ``InboxFile``.
///
/// A claim with its payload is on the disk when ``claim(_:keeping:)`` returns. Everything else is with the kernel then, so
/// that it survives `kill -9`, and may be lost to a power cut. Pinned to a loop; see docs/decisions/inbox.md.
public actor SQLiteInbox: InboxStore {
    /// The loop that the inbox belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    /// Never: the file belongs to one process.
    public nonisolated var isShared: Bool { false }

    /// For how long a name is remembered: the longest time over which a platform repeats an event.
    static let timeToLive = Duration.seconds(24 * 3600)
    let file: InboxFile
    let now: @Sendable () -> Timestamp
    private let log: Log
    /// The numbers of what this run holds.
    private var numbers: [UUID: Int64] = [:]
    private var lastNumber: Int64 = 0
    /// Runs that ended without a word.
    private var crashes: Int64 = 0
    private var hasStarted = false
    private(set) var isRetired = false
    private var nextForgetting = Timestamp(microseconds: .min)
    // What follows is for `SQLiteInbox+names.swift`.
    var known: KnownNames
    /// Claims that wait for the file's verdict.
    var filesAsked = 0

    /// The inbox in a file that is open.
    ///
    /// - Parameter now: the time, by which names grow old.
    public init(file: InboxFile, log: Log = .silent, now: @escaping @Sendable () -> Timestamp = { .now() }) {
        loop = file.loop
        self.file = file
        self.log = log
        self.now = now
        known = KnownNames(since: now(), for: Self.timeToLive)
    }

    /// Hands over what earlier runs have left, in the order of the claims.
    public func start(_ receiver: InboxReceiver) async {
        defer { loop.spawn(on: self) { await $0.learnNames() } }
        do throws(SQLiteError) {
            try await recover(for: receiver)
        } catch {
            log.error("what an earlier run has left cannot be read yet", ["error": error.description])
            loop.spawn(on: self) { inbox in
                while !inbox.isRetired {
                    do {
                        try await inbox.loop.sleep(for: .seconds(5))
                        return try await inbox.recover(for: receiver)
                    } catch {
                        if Task.isCancelled { return }
                    }
                }
            }
        }
    }

    /// Claims events, in this order and in one commit; with names alone most need none.
    public func claim(_ entries: [InboxEntry], keeping: InboxKeeping) async throws(InboxError) -> [InboxVerdict] {
        let time = now()
        if time >= nextForgetting { forgetNames(at: time) }
        let events = entries.map(NamedEntry.init)
        switch keeping {
        case .names: return try await claimNames(events, at: time)
        case .payload: return try await claimPayloads(events, at: time)
        }
    }

    private func claimPayloads(_ events: [NamedEntry], at time: Timestamp) async throws(InboxError) -> [InboxVerdict] {
        let first = max(lastNumber, lastHeld) + 1
        lastNumber = first + Int64(events.count) - 1
        let crashes = crashes
        let areInWork = events.map { $0.names.contains(where: known.isInWork) }
        for event in events { note(event.names, at: time) }
        let names = FileNames(now: time)
        filesAsked += 1
        defer { filesAsked -= 1 }
        let verdicts: [InboxVerdict]
        do throws(SQLiteError) {
            verdicts = try await file.write(isSynced: true) { transaction, tail throws(SQLiteError) in
                var verdicts: [InboxVerdict] = []
                for (index, event) in events.enumerated() {
                    let isNew = areInWork[index] ? false : try names.areNew(event.names, transaction)
                    try names.mark(event.names, transaction)
                    verdicts.append(isNew ? .taken : .duplicate)
                    guard isNew else { continue }
                    let entry = event.entry
                    if entry.purpose == .answer {
                        try transaction.execute(
                            "INSERT INTO held (number, id, lane, crashes, payload) VALUES (?, ?, ?, ?, ?)",
                            [
                                .integer(first + Int64(index)), .text(entry.id.description),
                                .optionalText(entry.lane), .integer(crashes), .blob(entry.payload),
                            ])
                    }
                    for job in entry.jobs { try tail.append(job, transaction) }
                }
                return verdicts
            }
        } catch {
            throw Self.inboxError(error)
        }
        for (index, event) in events.enumerated() where verdicts[index] == .taken && event.entry.purpose == .answer {
            numbers[event.entry.id] = first + Int64(index)
        }
        return verdicts
    }

    /// Removes old names from the file, beside what is being done.
    private func forgetNames(at time: Timestamp) {
        nextForgetting = time.advanced(by: .seconds(60))
        let names = FileNames(now: time)
        loop.spawn(on: self) { inbox in
            let count = try? await inbox.file.write(isLazy: true) { transaction, _ throws(SQLiteError) in
                try names.forget(transaction)
            }
            // There may be more of them: on with the next claim.
            if count == Self.namesAtOnce { inbox.nextForgetting = time }
        }
    }

    /// Notes how far an answer has come; entries of which only names are kept, or nothing, need no note.
    ///
    /// - Returns: true: nobody else can have them.
    public func begin(_ entries: [InboxEntry.Reference], progress: [UInt8]?) async throws(InboxError) -> Bool {
        let held = entries.compactMap { numbers[$0.id] }
        guard !held.isEmpty else { return true }
        do throws(SQLiteError) {
            try await file.write { transaction, _ throws(SQLiteError) in
                for number in held {
                    try transaction.execute(
                        "UPDATE held SET begun = ? WHERE number = ?", [.blob(progress ?? []), .integer(number)])
                }
            }
        } catch {
            throw Self.inboxError(error)
        }
        return true
    }

    /// Ends entries, marks their names, files a dead letter and queues the log jobs in one commit.
    ///
    /// What is no more than names is marked some milliseconds later, and not waited for.
    public func settle(_ settlement: InboxSettlement) async throws(InboxError) {
        let done = NamedEntry.names(settlement.names)
        note(done, at: now())
        let held = settlement.entries.compactMap { numbers[$0.id] }
        guard held.isEmpty, settlement.jobs.isEmpty, settlement.deadLetter == nil else {
            return try await settle(settlement, held: held, names: done)
        }
        guard !done.isEmpty else { return }
        loop.spawn(on: self) { inbox in
            do throws(InboxError) {
                try await inbox.settle(settlement, held: [], names: done)
            } catch {
                // This run knows them as in work all the same.
                inbox.log.warning("names of answered events could not be kept", ["error": error.message])
            }
        }
    }

    private func settle(
        _ settlement: InboxSettlement, held: [Int64], names done: [String]
    ) async throws(InboxError) {
        let names = FileNames(now: now())
        do throws(SQLiteError) {
            // What is held would be answered again after a crash, so its end does not wait for others to share a commit with.
            try await file.write(isLazy: held.isEmpty) { transaction, tail throws(SQLiteError) in
                for job in settlement.jobs { try tail.append(job, transaction) }
                for number in held {
                    try transaction.execute("DELETE FROM held WHERE number = ?", [.integer(number)])
                }
                try names.mark(done, transaction)
                if let letter = settlement.deadLetter {
                    try InboxFile.file(
                        delivery: letter, of: settlement.entries.first?.id.description, transaction)
                }
            }
        } catch {
            throw Self.inboxError(error)
        }
        known.end(done)
        for entry in settlement.entries { numbers[entry.id] = nil }
    }

    /// True while nothing of an entry but its names is kept.
    func isPlain(_ entry: InboxEntry.Reference) -> Bool { numbers[entry.id] == nil }

    /// Notes that this run ends in order: what is left counts no death.
    public func retire() async {
        guard hasStarted, !isRetired else { return }
        isRetired = true
        do throws(SQLiteError) {
            try await file.write { transaction, _ throws(SQLiteError) in
                try transaction.execute("UPDATE run SET is_over = 1")
            }
        } catch {
            log.warning("the end of the run could not be noted", ["error": error.description])
        }
    }

    /// Read without a suspension, which another claim could come into: file and inbox are on the same loop.
    private var lastHeld: Int64 { file.assumeIsolated { $0.lastHeld } }

    // MARK: Recovery

    private func recover(for receiver: InboxReceiver) async throws(SQLiteError) {
        let last = lastHeld
        let found = try await file.write { transaction, _ throws(SQLiteError) in
            // Deaths are counted once for all that is held, instead of in each entry: an entry remembers the count that it found.
            try transaction.execute("UPDATE run SET crashes = crashes + 1 - is_over, is_over = 0")
            let crashes = try transaction.query("SELECT crashes FROM run").first?.int("crashes") ?? 0
            let rows = try transaction.query(
                "SELECT number, id, lane, crashes, begun, payload FROM held WHERE number <= ? ORDER BY number",
                [.integer(last)])
            return (crashes: Int64(crashes), entries: rows.rows.compactMap(Held.init))
        }
        crashes = found.crashes
        hasStarted = true
        if !found.entries.isEmpty {
            log.info("events of an earlier run are answered now", ["events": String(found.entries.count)])
        }
        for entry in found.entries {
            numbers[entry.reference.id] = entry.number
            receiver.deliver(
                InboxDelivery(
                    reference: entry.reference, purpose: .answer, payload: entry.payload,
                    attempts: Int(crashes - entry.crashes), progress: entry.begun))
        }
    }

    /// A row of `held`.
    private struct Held: Sendable {
        let number: Int64
        let reference: InboxEntry.Reference
        let crashes: Int64
        let begun: [UInt8]?
        let payload: [UInt8]

        init?(_ row: [SQLiteValue]) {
            guard case .integer(let number) = row[0], case .text(let id) = row[1], let id = UUID(id),
                case .integer(let crashes) = row[3], case .blob(let payload) = row[5]
            else { return nil }
            var lane: String?
            if case .text(let text) = row[2] { lane = text }
            var begun: [UInt8]?
            if case .blob(let bytes) = row[4] { begun = bytes }
            self.number = number
            reference = InboxEntry.Reference(id: id, lane: lane)
            self.crashes = crashes
            self.begun = begun
            self.payload = payload
        }
    }

    static func inboxError(_ error: SQLiteError) -> InboxError {
        InboxError(code: error.code == .diskFull ? .full : .unavailable, message: error.description)
    }
}
