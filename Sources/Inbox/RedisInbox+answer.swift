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
            let own = id
            let reply: RedisValue
            do {
                reply = try await run(beginning(ids, progress, renews: false))
            } catch {
                guard error.code == .full else { throw error }
                // What is held already is answered, however full Redis is.
                reply = try await run(beginning(ids, progress, renews: true))
            }
            if reply.integer == 1 {
                Failpoint.reach("bridge.inbox.begun")
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

    private func beginning(_ ids: [UUID], _ progress: [UInt8]?, renews: Bool) -> RedisScriptCall {
        var call = call(Self.begin)
        call.reserveCapacity((progress?.count ?? 0) + 256 + ids.count * 64)
        if renews { call.append(Self.milliseconds(configuration.lease)) } else { call.append("") }
        call.append(progress ?? [])
        for id in ids { call.append(id.description) }
        return call
    }

    private func adopt(_ entry: InboxEntry) {
        guard held[entry.id] == nil else { return }
        remember(entry)
        mustAudit = true
        planBeat()
    }

    /// Whether our lease stands for certain.
    var isFresh: Bool { freshUntil.map { ContinuousClock.now < $0 } ?? false }

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
        guard !settlement.names.isEmpty else { return }
        let names = settlement.names.map(InboxKeys.name)
        known.end(names)
        note(names)
    }

    /// Runs the script that ends entries.
    func end(
        _ pairs: [(UUID, String?)], with settlement: InboxSettlement = InboxSettlement(entries: [])
    ) async throws(InboxError) {
        var call = call(Self.settle, keys: [keys.log, keys.dead])
        call.reserveCapacity(
            settlement.jobs.reduce(256 + pairs.count * 128 + settlement.names.count * 96) { $0 + $1.count + 16 })
        call.append(lifeInSeconds)
        call.append(pairs.count)
        call.append(settlement.names.count)
        call.append(settlement.jobs.count)
        call.append(settlement.deadLetter ?? [])
        for (id, lane) in pairs {
            call.append(id.description)
            call.append(lane ?? "")
        }
        for name in settlement.names { call.append(InboxKeys.name(name)) }
        for job in settlement.jobs { call.append(job) }
        _ = try await run(call)
    }

    /// Ends this bridge's part; what it still holds is free for others at once.
    public func retire() async {
        guard !isRetired else { return }
        isRetired = true
        heartbeats?.cancel()
        if let beating { _ = await beating.value }
        bell?.cancel()
        gate.open()
        learning?.cancel()
        guard joined != nil else { return }
        try? await tellAll()
        _ = try? await run(Self.retire, [life])
        metrics.held.add(-held.count)
        held = [:]
    }
}
