internal import BridgeCore
internal import EventLoop
internal import Failpoints
internal import Redis
internal import Telemetry

/// What is taken over, found again or put back.
extension RedisInbox {
    // MARK: Take-over

    /// Takes over from bridges that have lapsed, and hands on what they held in the order of claims.
    ///
    /// Claims wait meanwhile: what they bring is younger.
    func takeOver(from bridges: [String]) async throws(InboxError) {
        let wasClosed = gate.isClosed
        gate.close()
        // Callers on their way through the gate send their claims first.
        await Task.yield()
        isTakingOver = true
        hasOpenTakeOver = true
        defer {
            isTakingOver = false
            if !wasClosed { gate.open() }
        }
        for bridge in bridges {
            let before = waiting.count
            while try await takeOverSome(from: bridge) {}
            let count = waiting.count - before
            guard count > 0 else { continue }
            metrics.takenOver.increment(by: count)
            log.warning("events of a bridge that is gone are taken over", ["bridge": bridge, "events": String(count)])
        }
        Failpoint.reach("bridge.inbox.takeover")
        hasOpenTakeOver = false
        let complete = waiting.sorted { $0.number < $1.number }
        waiting = []
        for (_, delivery) in complete { receiver?.deliver(delivery) }
        if !complete.isEmpty { Failpoint.reach("bridge.inbox.takeover.delivered") }
    }

    /// Whether a lease that has run out says that its bridge is dead.
    ///
    /// It does not where Redis was away, or we were: then the leases of the living have run out too, and they get the time of one
    /// to renew it.
    private var mayDeclareDeath: Bool {
        guard let reachedSince, let reachedAt else { return false }
        return reachedAt - reachedSince >= configuration.grace ?? configuration.lease
    }

    /// - Returns: whether there is more.
    private func takeOverSome(from bridge: String) async throws(InboxError) -> Bool {
        let own = id
        let reply = try await run(
            Self.takeOver,
            [Array(bridge.utf8), lease, life, Self.number(Self.chunk), Self.number(mayDeclareDeath ? 1 : 0)])
        guard own == id else { throw InboxError(code: .unavailable, message: "this bridge was taken for dead") }
        guard let parts = reply.array, parts.count == 3 else {
            // We are gone ourselves.
            lose(own)
            throw InboxError(code: .unavailable, message: "this bridge was taken for dead")
        }
        take(InboxRecord.all(in: parts[1]))
        take(InboxRecord.all(in: parts[2]))
        return parts[0].integer == 1
    }

    // MARK: Finding and putting back

    /// Compares what Redis holds of us with what memory does, and makes them the same.
    func auditNow() async throws(InboxError) {
        let own = id
        let reply = try await run(Self.audit, [])
        guard own == id, let found = reply.array else { return }
        let ids = Set(found.compactMap { $0.text.flatMap { UUID($0) } })
        var entered: Set<UUID> = []
        for known in plain.values { if let id = known.entered { entered.insert(id) } }
        for list in standIns.values { entered.formUnion(list) }
        let unknown = ids.filter { held[$0] == nil && !entered.contains($0) }
        let lost = held.filter { !$0.value.isEnding && !ids.contains($0.key) }.map(\.key)
        let lostNames = entered.subtracting(ids)
        // What fails from here on says so again.
        mustAudit = false
        try await putBack(lost)
        if !lostNames.isEmpty { try await enterNames(lostNames, epoch: made) }
        try await collect(Array(unknown))
        handOnWaiting()
    }

    /// Hands on what is held and was not known here: claims and forwards whose reply was lost.
    private func collect(_ ids: [UUID]) async throws(InboxError) {
        var found: [InboxRecord] = []
        for start in stride(from: 0, to: ids.count, by: Self.chunk) {
            let part = ids[start..<min(start + Self.chunk, ids.count)]
            let reply = try await run(Self.collect, part.map { Array($0.description.utf8) })
            found += InboxRecord.all(in: reply)
        }
        guard !found.isEmpty else { return }
        Failpoint.reach("bridge.inbox.collected")
        // Names that nobody here knows any more would hold their conversation for ever.
        let orphans = found.filter { $0.kind == .names }
        if !orphans.isEmpty {
            try await end(orphans.map { ($0.id, $0.lane) })
        }
        log.info("events are found that went unanswered between Redis and here", ["events": String(found.count)])
        take(found, waits: true)
    }

    /// Puts back from memory what Redis has lost, in the order in which this bridge came to it.
    func putBack(_ ids: [UUID]) async throws(InboxError) {
        guard !ids.isEmpty else { return }
        let sorted = ids.sorted { (held[$0]?.order ?? 0) < (held[$1]?.order ?? 0) }
        log.warning("Redis has lost events, which are put back", ["events": String(ids.count)])
        for start in stride(from: 0, to: sorted.count, by: Self.chunk) {
            var arguments = [life, lease]
            for id in sorted[start..<min(start + Self.chunk, sorted.count)] {
                // Ended since.
                guard let known = held[id], !known.isEnding else { continue }
                arguments += [
                    Array(id.description.utf8), [UInt8(ascii: "a")], Self.number(known.attempts),
                    Array((known.lane ?? "").utf8), known.payload, known.progress == nil ? [] : [UInt8(ascii: "1")],
                    known.progress ?? [], Self.number(known.names.count),
                ]
                arguments += known.names.map { Array(InboxKeys.name($0).utf8) }
            }
            if arguments.count > 2 { _ = try await run(Self.restore, arguments) }
            Failpoint.reach("bridge.inbox.restored")
        }
    }

    // MARK: What is known by its names alone

    /// Enters the conversations in work, so that others forward what comes for them.
    func makeRoom(for epoch: Int) async throws(InboxError) {
        try await tellAll(withThoseInWork: true)
        var counts = receiver?.lanesInWork() ?? [:]
        var entering: [UUID] = []
        for (id, known) in plain {
            guard let lane = known.lane else { continue }
            counts[lane, default: 0] -= 1
            if known.entered == nil { entering.append(id) }
        }
        for (lane, list) in standIns { counts[lane, default: 0] -= list.count }
        for id in entering { plain[id]?.entered = id }
        for (lane, count) in counts where count > 0 {
            for _ in 0..<count {
                let id = UUID(version7At: 0, fraction: 0, random: .random(in: .min ... .max))
                standIns[lane, default: []].append(id)
                entering.append(id)
            }
        }
        enteredCount += entering.count
        try await enterNames(Set(entering), epoch: epoch)
        made = max(made, epoch)
    }

    /// Enters entries of ``plain`` and ``standIns``.
    private func enterNames(_ ids: Set<UUID>, epoch: Int) async throws(InboxError) {
        var arguments = [Self.number(epoch), lease]
        for known in plain.values {
            guard let id = known.entered, let lane = known.lane, ids.contains(id) else { continue }
            arguments += [Array(id.description.utf8), Array(lane.utf8)]
        }
        for (lane, list) in standIns {
            for id in list where ids.contains(id) { arguments += [Array(id.description.utf8), Array(lane.utf8)] }
        }
        _ = try await run(Self.enter, arguments)
    }

    /// Claimed by their names when others were about already: their engine had not heard of these yet.
    func enterLate(_ entries: [InboxEntry], _ verdicts: [InboxVerdict]) async {
        var late: Set<UUID> = []
        for (entry, verdict) in zip(entries, verdicts) where verdict == .taken && plain[entry.id] != nil {
            guard let lane = entry.lane, plain[entry.id]?.entered == nil else { continue }
            useStandIn(for: entry.id, in: lane)
            guard plain[entry.id]?.entered == nil else { continue }
            plain[entry.id]?.entered = entry.id
            enteredCount += 1
            late.insert(entry.id)
        }
        // Where it fails, the audit that follows a failure enters them.
        if !late.isEmpty { try? await enterNames(late, epoch: made) }
    }

    /// Lets a question that was announced without our knowing its name be this one.
    func useStandIn(for id: UUID, in lane: String?) {
        guard let lane, plain[id]?.entered == nil, let standIn = standIns[lane]?.popLast() else { return }
        if standIns[lane]?.isEmpty == true { standIns[lane] = nil }
        plain[id, default: Plain(lane: lane, names: [])].entered = standIn
    }

    /// Ends those of whose conversations the engine says that nothing is in work any more.
    func releaseStandIns() {
        guard !standIns.isEmpty, let inWork = receiver?.lanesInWork() else { return }
        var ended: [(UUID, String?)] = []
        for (lane, list) in standIns where inWork[lane] == nil {
            ended += list.map { ($0, lane) }
            standIns[lane] = nil
            enteredCount -= list.count
        }
        guard !ended.isEmpty else { return }
        let references = ended
        loop.spawn(on: self) { inbox in
            // Where it fails they are found by the audit, and ended as names that nobody knows.
            try? await inbox.end(references)
        }
    }
}
