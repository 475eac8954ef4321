internal import BridgeCore
internal import EventLoop
internal import Redis
internal import Telemetry

/// What a bridge that is alone knows by itself of the names of events.
///
/// Redis is then told of a name once its event is done, many at a time, and asked about those alone that may have been taken
/// before: by an earlier run, or so long ago that memory has no room for it. Those in work are entered when another bridge
/// appears, before that one may take anything.
extension RedisInbox {
    /// How long a name that is done waits for others to be told of together: as long as a `kill -9` can make it forgotten.
    private static let linger = Duration.milliseconds(50)
    /// While Redis is away, the most names that wait to be told of.
    private static let longestWait = 100_000

    /// Whether nobody else can have taken anything since ``known`` began to be complete.
    private var isAlone: Bool { !hasPeers && hasRoom && !isRetired && isFresh }

    /// Claims an event by its names where memory alone can tell that it is new.
    public nonisolated func claimAtOnce(_ entry: InboxEntry) -> InboxVerdict? {
        assumeIsolated(on: loop) { inbox in inbox.claimHere(entry) }
    }

    /// Whether what was claimed at once is still this bridge's.
    public nonisolated func beginAtOnce(_ entries: [InboxEntry.Reference]) -> Bool? {
        assumeIsolated(on: loop) { inbox in
            if inbox.isRetired || entries.contains(where: { inbox.void.contains($0.id) }) { return false }
            guard inbox.isFresh else { return nil }
            return entries.allSatisfy { inbox.held[$0.id] == nil && inbox.uncertain[$0.id] == nil } ? true : nil
        }
    }

    /// Ends an event of which no other bridge knows.
    public nonisolated func settleAtOnce(_ entry: InboxEntry.Reference) -> Bool {
        assumeIsolated(on: loop) { inbox in inbox.settleHere(entry) }
    }

    private func claimHere(_ entry: InboxEntry) -> InboxVerdict? {
        guard entry.jobs.isEmpty, isAlone, gate.isOpen else { return nil }
        let names = entry.names.map(InboxKeys.name)
        for name in names {
            guard known.isNew(name, sentAt: entry.sentAt), !known.isInWork(name) else { return nil }
        }
        if entry.purpose == .answer {
            known.begin(names)
            plain[entry.id] = Plain(lane: entry.lane, names: names)
        } else {
            tell(names)
        }
        metrics.claimed.increment()
        return .taken
    }

    private func settleHere(_ entry: InboxEntry.Reference) -> Bool {
        guard held[entry.id] == nil, uncertain[entry.id] == nil, let event = plain[entry.id], event.entered == nil,
            standIns.isEmpty
        else { return false }
        plain[entry.id] = nil
        void.remove(entry.id)
        known.end(event.names)
        tell(event.names)
        return true
    }

    // MARK: Telling Redis

    /// Notes names of events that are done, and tells Redis of them soon.
    private func tell(_ names: [String]) {
        note(names)
        guard untold.count < Self.longestWait else { return }
        untold += names
        let timer = telling ?? LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.tellNow() } }
        telling = timer
        if !timer.isScheduled { timer.schedule(after: Self.linger) }
    }

    /// Notes names that Redis has, or is about to have.
    func note(_ names: [String]) {
        let now = Timestamp.now()
        for name in names { known.note(name, at: now) }
    }

    /// Tells Redis of names that are done, in a task besides.
    private func tellNow() {
        guard !untold.isEmpty else { return }
        loop.spawn(on: self) { inbox in try? await inbox.tellAll() }
    }

    /// Tells Redis of all names that are done and of those in work, since others may ask from now on.
    func tellAll(withThoseInWork: Bool = false) async throws(InboxError) {
        while !untold.isEmpty {
            let part = Array(untold.suffix(Self.chunk))
            untold.removeLast(part.count)
            do {
                try await mark(part, as: "d")
            } catch {
                // Redis is away: with the next sign of life.
                untold += part
                throw error
            }
        }
        guard withThoseInWork else { return }
        let inWork = Array(known.namesInWork)
        for start in stride(from: 0, to: inWork.count, by: Self.chunk) {
            // One that is done by now was told of as such, or will be.
            let part = inWork[start..<min(start + Self.chunk, inWork.count)].filter(known.isInWork)
            if !part.isEmpty { try await mark(part, as: id) }
        }
    }

    private func mark(_ names: [String], as value: String) async throws(InboxError) {
        var call = call(Self.mark)
        call.reserveCapacity(names.reduce(256) { $0 + $1.utf8.count + 16 })
        call.append(lifeInSeconds)
        call.append(value)
        for name in names { call.append(name) }
        _ = try await run(call)
    }

    // MARK: Learning from Redis

    /// Reads the names that earlier runs have left; until then only what was sent after our start is surely new.
    func learnNames() {
        guard learning == nil, !hasLearned else { return }
        learning = loop.spawn(on: self) { inbox in
            await inbox.readNames()
            inbox.learning = nil
        }
    }

    /// Others have taken events, or may have: what is known of the names that Redis has is not complete any more.
    func forgetNames() {
        learning?.cancel()
        learning = nil
        hasLearned = false
        known.forget(at: .now())
    }

    private func readNames() async {
        let prefix = keys.prefix + "seen:"
        // What stands for other characters in a pattern stands for itself in our prefix.
        let pattern = prefix.map { "[]?*\\^-".contains($0) ? "\\\($0)" : "\($0)" }.joined()
        var cursor = "0"
        var count = 0
        repeat {
            let reply = try? await client.send(
                ["SCAN", cursor, "MATCH", "\(pattern)*", "COUNT", "1000"], timeout: configuration.timeout)
            guard !Task.isCancelled, let parts = reply?.array, parts.count == 2, let next = parts[0].text else {
                return
            }
            let found = parts[1].array ?? []
            note(found.compactMap { $0.text.map { String($0.dropFirst(prefix.count)) } })
            count += found.count
            // More than there is room for: Redis is asked about what was sent before our start.
            if count > 2 * KnownNames.limit { break }
            cursor = next
        } while cursor != "0"
        known.setComplete()
        hasLearned = true
    }
}
