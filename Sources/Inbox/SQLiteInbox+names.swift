internal import BridgeCore
internal import EventLoop
internal import Journal
internal import SQLite

/// The names of events. Those in work with their names alone are in memory, where they end with the process as they should;
/// the file has those that are done or held, and most that are new are known to be without asking it.
extension SQLiteInbox {
    /// As many names are forgotten, or read, at once: more would keep others waiting.
    static let namesAtOnce = 500

    /// Claims events with their names alone.
    func claimNames(_ events: [NamedEntry], at time: Timestamp) async throws(InboxError) -> [InboxVerdict] {
        // Where an earlier claim asks the file, this one does too: it would overtake that one else.
        let asks = filesAsked > 0 || events.contains { event in !event.areNew(to: known) }
        var verdicts: [InboxVerdict] = []
        /// Names that a repeated event has and the first one had not.
        var added: [[String]] = []
        var writes = asks
        for event in events {
            let isInWork = event.names.contains(where: known.isInWork)
            verdicts.append(isInWork ? .duplicate : .taken)
            added.append(isInWork ? event.names.filter { !known.isInWork($0) } : [])
            if !isInWork { known.begin(event.names) }
            writes = writes || (isInWork ? added.last?.isEmpty == false : event.isWritten)
        }
        guard writes else { return verdicts }

        for names in added { note(names, at: time) }
        let candidates = verdicts
        let marked = added
        let names = FileNames(now: time)
        if asks { filesAsked += 1 }
        defer { if asks { filesAsked -= 1 } }
        do throws(SQLiteError) {
            verdicts = try await file.write(isLazy: !asks) { transaction, tail throws(SQLiteError) in
                var verdicts = candidates
                for (index, event) in events.enumerated() {
                    try names.mark(marked[index], transaction)
                    guard candidates[index] == .taken else { continue }
                    let isNew = try names.areNew(event.names, transaction)
                    verdicts[index] = isNew ? .taken : .duplicate
                    if event.entry.purpose != .answer || !isNew { try names.mark(event.names, transaction) }
                    guard isNew else { continue }
                    for job in event.entry.jobs { try tail.append(job, transaction) }
                }
                return verdicts
            }
        } catch {
            for (event, verdict) in zip(events, candidates) where verdict == .taken { known.end(event.names) }
            throw Self.inboxError(error)
        }
        for (index, event) in events.enumerated() where candidates[index] == .taken {
            guard event.entry.purpose != .answer || verdicts[index] == .duplicate else { continue }
            known.end(event.names)
            note(event.names, at: time)
        }
        return verdicts
    }

    /// Claims an event by its names where the file need not be asked.
    public nonisolated func claimAtOnce(_ entry: InboxEntry) -> InboxVerdict? {
        assumeIsolated { inbox in
            let event = NamedEntry(entry)
            // Where an earlier claim asks the file, this one does too: it would overtake that one else.
            guard !event.isWritten, inbox.filesAsked == 0 else { return nil }
            if event.names.allSatisfy(inbox.known.isInWork) { return .duplicate }
            guard event.areNew(to: inbox.known), !event.names.contains(where: inbox.known.isInWork) else { return nil }
            inbox.known.begin(event.names)
            return .taken
        }
    }

    /// Whether an event may be shown: always, since nobody else can have it; nil where the file is to note it first.
    public nonisolated func beginAtOnce(_ entries: [InboxEntry.Reference]) -> Bool? {
        assumeIsolated { inbox in entries.allSatisfy(inbox.isPlain) ? true : nil }
    }

    /// Notes names that the file has.
    func note(_ names: [String], at time: Timestamp) {
        for name in names { known.note(name, at: time) }
    }

    /// Reads the names of earlier runs; until then the file is asked about each.
    func learnNames() async {
        var last = ""
        while !isRetired {
            let after = last
            let horizon = FileNames(now: now()).horizon
            let page = try? await file.write(isLazy: true) { transaction, _ throws(SQLiteError) in
                try transaction.query(
                    "SELECT name, at FROM seen WHERE name > ? ORDER BY name LIMIT ?",
                    [.text(after), .integer(Int64(Self.namesAtOnce))]
                ).rows.map { row in (name: row[0], isOld: row[1].isAtMost(horizon)) }
            }
            guard let page else { return }
            for row in page {
                guard case .text(let name) = row.name else { continue }
                last = name
                if !row.isOld { known.note(name, at: now()) }
            }
            guard page.count == Self.namesAtOnce else { break }
        }
        known.setComplete()
    }

    /// An event with its names as the file has them.
    struct NamedEntry: Sendable {
        let entry: InboxEntry
        /// Without repetition, and hashed where they are long.
        let names: [String]

        init(_ entry: InboxEntry) {
            self.entry = entry
            names = NamedEntry.names(entry.names)
        }

        func areNew(to known: KnownNames) -> Bool {
            names.allSatisfy { known.isNew($0, sentAt: entry.sentAt) }
        }

        /// True when something of it goes into the file with its claim, though only its names are kept.
        var isWritten: Bool { entry.purpose != .answer || !entry.jobs.isEmpty }

        static func names(_ names: [String]) -> [String] {
            guard names.count > 1 else { return names.map(InboxKeys.name) }
            var result: [String] = []
            for name in names.lazy.map(InboxKeys.name) where !result.contains(name) { result.append(name) }
            return result
        }
    }

    /// The names in `seen`, inside a transaction.
    struct FileNames: Sendable {
        let now: Timestamp

        /// Names of this second and before are free again.
        var horizon: Int64 { now.advanced(by: .zero - SQLiteInbox.timeToLive).seconds }

        /// True when none of the names is taken.
        func areNew(_ names: [String], _ transaction: borrowing SQLiteTransaction) throws(SQLiteError) -> Bool {
            for name in names {
                let found = try transaction.query(
                    "SELECT 1 FROM seen WHERE name = ? AND at > ?", [.text(name), .integer(horizon)])
                if found.count > 0 { return false }
            }
            return true
        }

        /// Takes the names for a day; one that is taken already stays so until its own day is over.
        func mark(_ names: [String], _ transaction: borrowing SQLiteTransaction) throws(SQLiteError) {
            for name in names {
                try transaction.execute(
                    """
                    INSERT INTO seen (name, at) VALUES (?, ?)
                    ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE at <= ?
                    """, [.text(name), .integer(now.seconds), .integer(horizon)])
            }
        }

        /// Removes names that are too old; returns how many.
        func forget(_ transaction: borrowing SQLiteTransaction) throws(SQLiteError) -> Int {
            try transaction.execute(
                "DELETE FROM seen WHERE name IN (SELECT name FROM seen WHERE at <= ? ORDER BY at LIMIT ?)",
                [.integer(horizon), .integer(Int64(SQLiteInbox.namesAtOnce))])
        }
    }
}

extension SQLiteValue {
    /// True for an integer up to this one.
    fileprivate func isAtMost(_ limit: Int64) -> Bool {
        if case .integer(let number) = self { number <= limit } else { false }
    }
}
