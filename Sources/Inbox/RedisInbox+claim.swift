internal import BridgeCore
internal import EventLoop
internal import Failpoints
internal import Redis
internal import Telemetry

extension RedisInbox {
    /// How often a claim waits for the take-over of a dead bridge before it gives up.
    private static let patience = 5

    /// Claims events by one script; where their conversation's bridge turns out to be dead, takes over from it first.
    public func claim(
        _ entries: [InboxEntry], keeping: InboxKeeping
    ) async throws(InboxError) -> [InboxVerdict] {
        if keeping == .names {
            // Before the first wait: a newcomer that is heard of meanwhile is to hear of these.
            for entry in entries where entry.purpose == .answer {
                plain[entry.id] = Plain(lane: entry.lane, names: entry.names.map(InboxKeys.name))
            }
            // Redis is asked: it is to know what this bridge has done. Away, it says so to the claim as well.
            if !untold.isEmpty { try? await tellAll() }
        }
        var verdicts: [InboxVerdict] = []
        verdicts.reserveCapacity(entries.count)
        var rounds = 0
        while verdicts.count < entries.count {
            await passGate()
            if isRetired { throw InboxError(code: .unavailable, message: "this bridge has ended") }
            if !hasRoom || mustAudit || hasOpenTakeOver {
                guard rounds == 0 else { throw notReady(entries[verdicts.count...], verdicts.count) }
                rounds += 1
                beatBehindGate()
                continue
            }
            let rest = entries[verdicts.count...]
            let own = id
            let reply: RedisValue
            do {
                Failpoint.reach("bridge.inbox.claiming")
                reply = try await run(makeCall(for: rest, keeping: keeping))
            } catch {
                if error.code == .unavailable { doubt(rest) }
                throw error
            }
            Failpoint.reach("bridge.inbox.claimed")
            if reply.integer == -1 {
                lose(own)
                rounds += 1
                guard rounds < Self.patience else { throw notReady(rest, verdicts.count) }
                beatBehindGate()
                continue
            }
            if reply.integer == -3 {
                // What is claimed without a lease nobody would look for when this bridge dies.
                rounds += 1
                guard rounds < Self.patience else { throw notReady(rest, verdicts.count) }
                beatBehindGate()
                continue
            }
            let waitsFor = read(reply, of: rest, keeping: keeping, into: &verdicts)
            guard verdicts.count < entries.count else { break }
            rounds += 1
            log.debug("a claim waits for the take-over from a dead bridge", ["bridge": waitsFor])
            guard rounds < Self.patience else { throw notReady(entries[verdicts.count...], verdicts.count) }
            beatBehindGate()
        }
        if keeping == .names, hasPeers { await enterLate(entries, verdicts) }
        return verdicts
    }

    /// Notes what a claim decided, and hands on the mail that came with it.
    ///
    /// - Returns: the dead bridge that the rest waits for.
    private func read(
        _ reply: RedisValue, of entries: ArraySlice<InboxEntry>, keeping: InboxKeeping,
        into verdicts: inout [InboxVerdict]
    ) -> String {
        var letters = reply
        var waitsFor = ""
        if let parts = reply.array, parts.count == 3 {
            letters = parts[0]
            waitsFor = parts[1].text ?? ""
            // This claim was sent before any take-over that is under way: what it brings is older than that.
            take(InboxRecord.all(in: parts[2]), atOnce: true)
        }
        for (entry, letter) in zip(entries, letters.bytes ?? []) {
            switch letter {
            case UInt8(ascii: "t"):
                verdicts.append(.taken)
                metrics.claimed.increment()
                if keeping == .payload, entry.purpose == .answer { remember(entry) }
            case UInt8(ascii: "f"):
                verdicts.append(.forwarded)
                metrics.forwarded.increment()
                plain[entry.id] = nil
            default:
                verdicts.append(.duplicate)
                metrics.duplicates.increment()
                plain[entry.id] = nil
            }
        }
        return waitsFor
    }

    func makeCall(for entries: ArraySlice<InboxEntry>, keeping: InboxKeeping) -> RedisScriptCall {
        var call = call(Self.claim, keys: [keys.log])
        // The rest of an entry is short.
        call.reserveCapacity(
            entries.reduce(256) { sum, entry in
                entry.jobs.reduce(sum + entry.payload.count + 512) { $0 + $1.count + 16 }
            })
        call.append(lifeInSeconds)
        call.append(keeping == .payload ? "p" : "n")
        for entry in entries {
            call.append(entry.id.description)
            switch entry.purpose {
            case .answer: call.append("a")
            case .record: call.append("r")
            case .signal: call.append("s")
            }
            call.append(entry.lane ?? "")
            if keeping == .payload, entry.purpose != .record { call.append(entry.payload) } else { call.append("") }
            call.append(entry.names.count)
            for name in entry.names { call.append(InboxKeys.name(name)) }
            call.append(entry.jobs.count)
            for job in entry.jobs { call.append(job) }
        }
        return call
    }

    // MARK: When it does not go through

    /// The claim may be executed all the same; the engine may go on with the events, or their platform deliver them again.
    private func doubt(_ entries: ArraySlice<InboxEntry>) {
        // A limit for the case that nothing is ever heard of Redis again.
        guard uncertain.count < 10_000 else { return }
        for entry in entries where entry.purpose == .answer { uncertain[entry.id] = entry }
    }

    private func notReady(_ rest: ArraySlice<InboxEntry>, _ decided: Int) -> InboxError {
        // What was decided before is held, and its engine does not hear of it: it is handed on as if it were found.
        if decided > 0 { mustAudit = true }
        metrics.away.increment()
        return InboxError(code: .unavailable, message: "the inbox is not ready: Redis or another bridge is late")
    }

    // MARK: The gate

    /// Waits while a take-over is under way, in the order of coming.
    private func passGate() async {
        guard !gate.isOpen else { return }
        await withUnsafeContinuation { self.gate.wait($0) }
        gate.pass()
    }

    /// Closes the gate until all that is to be put right has been tried once.
    private func beatBehindGate() {
        gate.close()
        loop.spawn(on: self) { inbox in
            _ = await inbox.beat()
            inbox.gate.open()
        }
    }
}
