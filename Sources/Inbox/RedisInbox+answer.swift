internal import BridgeCore
internal import EventLoop
internal import Failpoints
internal import Redis
internal import Telemetry

/// From a claim to its end.
extension RedisInbox {
    /// Notes that entries are begun; waits for the reply, since a bridge that was stopped may be dead to the others.
    ///
    /// What is claimed by its names alone needs a lease that is fresh by the own clock, and no command.
    public func begin(
        _ entries: [InboxEntry.Reference], progress: [UInt8]?
    ) async throws(InboxError) -> Bool {
        // Redis may be found to have lost the entries, or us, on the way.
        for _ in 0..<3 {
            if isRetired || entries.contains(where: { void.contains($0.id) }) { return false }
            // An engine that goes on with what was claimed without an answer.
            for entry in entries { if let adopted = uncertain.removeValue(forKey: entry.id) { adopt(adopted) } }
            let ids = entries.compactMap { held[$0.id] == nil ? nil : $0.id }
            for id in ids { held[id]?.progress = progress ?? [] }
            if ids.count < entries.count, !isFresh {
                guard await beat() else {
                    throw InboxError(code: .unavailable, message: "Redis cannot tell whether this bridge still counts")
                }
                continue
            }
            guard !ids.isEmpty else { return true }
            let sent = ContinuousClock.now
            let own = id
            let reply = try await run(
                Self.begin, [lease, progress ?? []] + ids.map { Array($0.description.utf8) })
            if reply.integer == 1 {
                Failpoint.reach("bridge.inbox.begun")
                renewed(at: sent)
                return !entries.contains { void.contains($0.id) }
            }
            guard let missing = reply.array else {
                lose(own)
                planBeat()
                return false
            }
            // Redis has lost its data: these at once, all else with the next sign of life.
            mustAudit = true
            planBeat()
            try await putBack(missing.compactMap { $0.text.flatMap { UUID($0) } })
        }
        throw InboxError(code: .unavailable, message: "Redis loses what it is given")
    }

    private func adopt(_ entry: InboxEntry) {
        guard held[entry.id] == nil else { return }
        remember(entry)
        mustAudit = true
        planBeat()
    }

    /// Whether our lease stands for certain.
    private var isFresh: Bool { freshUntil.map { ContinuousClock.now < $0 } ?? false }

    /// Ends entries and pushes their log jobs.
    public func settle(_ settlement: InboxSettlement) async throws(InboxError) {
        var pairs: [(UUID, String?)] = []
        pairs.reserveCapacity(settlement.entries.count)
        for entry in settlement.entries {
            uncertain[entry.id] = nil
            pairs.append((entry.id, entry.lane))
            guard held[entry.id] == nil else {
                held[entry.id]?.isEnding = true
                continue
            }
            useStandIn(for: entry.id, in: entry.lane)
            if let entered = plain[entry.id]?.entered, entered != entry.id { pairs.append((entered, entry.lane)) }
        }
        Failpoint.reach("bridge.inbox.settling")
        try await end(pairs, with: settlement)
        Failpoint.reach("bridge.inbox.settled")
        for (id, _) in pairs {
            forget(id)
            if let known = plain.removeValue(forKey: id), known.entered != nil { enteredCount -= 1 }
            void.remove(id)
        }
    }

    /// Runs the script that ends entries.
    func end(
        _ pairs: [(UUID, String?)], with settlement: InboxSettlement = InboxSettlement(entries: [])
    ) async throws(InboxError) {
        var arguments: [[UInt8]] = []
        arguments.reserveCapacity(5 + pairs.count * 2 + settlement.names.count + settlement.jobs.count)
        arguments.append(life)
        arguments.append(Self.number(pairs.count))
        arguments.append(Self.number(settlement.names.count))
        arguments.append(Self.number(settlement.jobs.count))
        arguments.append(settlement.deadLetter ?? [])
        for (id, lane) in pairs {
            arguments.append(Array(id.description.utf8))
            arguments.append(Array((lane ?? "").utf8))
        }
        for name in settlement.names { arguments.append(Array(InboxKeys.name(name).utf8)) }
        arguments += settlement.jobs
        _ = try await run(Self.settle, arguments, keys: [keys.log, keys.dead])
    }

    /// Ends this bridge's part; what it still holds is free for others at once.
    public func retire() async {
        guard !isRetired else { return }
        isRetired = true
        heartbeats?.cancel()
        if let beating { _ = await beating.value }
        bell?.cancel()
        gate.open()
        guard joined != nil else { return }
        _ = try? await run(Self.retire, [life])
        metrics.held.add(-held.count)
        held = [:]
    }
}
