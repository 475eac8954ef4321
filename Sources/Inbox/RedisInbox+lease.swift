internal import BridgeCore
internal import EventLoop
internal import Failpoints
internal import Redis
internal import Telemetry

/// Signs of life, and what is learnt from their replies.
extension RedisInbox {
    /// Shows that this bridge lives and waits until the others have made room for it.
    ///
    /// Where Redis does not answer it returns at once, and all follows when Redis is back; claims throw until then.
    public func start(_ receiver: InboxReceiver) async {
        precondition(heartbeats == nil, "an inbox is started once")
        mark?.write(predecessors + [id], for: self)
        self.receiver = receiver
        var isHeard = await beat()
        let pause = configuration.lease / 5
        heartbeats = loop.spawn(on: self) { inbox in
            while !Task.isCancelled {
                do { try await inbox.loop.sleep(for: pause) } catch { return }
                guard !inbox.isRetired else { return }
                _ = await inbox.beat()
            }
        }
        while isHeard, !hasRoom, !isRetired {
            do { try await loop.sleep(for: min(pause / 4, .milliseconds(50))) } catch { return }
            isHeard = await beat()
        }
    }

    /// One sign of life with all that follows from its reply; joins one that is under way.
    ///
    /// - Returns: false where Redis did not answer.
    func beat() async -> Bool {
        if let beating { return await beating.value }
        let task = Task(executorPreference: loop) { await self.beatNow() }
        beating = task
        return await task.value
    }

    /// Soon, and once for all who ask.
    func planBeat() {
        guard !isBeatPlanned, heartbeats != nil, !isRetired else { return }
        isBeatPlanned = true
        loop.spawn(on: self) { inbox in
            let wait = Duration.milliseconds(inbox.isAway ? 200 : 50)
            try? await inbox.loop.sleep(for: min(inbox.configuration.lease / 20, wait))
            inbox.isBeatPlanned = false
            guard !inbox.isRetired else { return }
            _ = await inbox.beat()
        }
    }

    private func beatNow() async -> Bool {
        defer { beating = nil }
        guard !isRetired else { return false }
        do throws(InboxError) {
            try await loadScripts()
            // Stopped for longer than a death is remembered: nobody could tell us any more.
            if let renewedAt, ContinuousClock.now - renewedAt > configuration.doneFor / 2 { lose(id) }
            for _ in 0..<3 {
                if joined == nil { try await join() }
                try await declareDead()
                let lost = id
                if let peers = try await renew() {
                    try await putRight(peers)
                    if isAway { log.info("the inbox is reached again") }
                    isAway = false
                    return true
                }
                lose(lost)
            }
            return false
        } catch {
            if !isAway { log.warning("the inbox cannot be reached", ["error": error.description]) }
            isAway = true
            reachedAt = nil
            mustAudit = true
            planBeat()
            return false
        }
    }

    /// All scripts in one piece: a script that were sent by its source because it was unknown would come after later ones.
    private func loadScripts() async throws(InboxError) {
        guard !hasLoadedScripts else { return }
        hasLoadedScripts = true
        let replies = await client.pipeline(
            Self.scripts.map { ["SCRIPT", "LOAD", $0.source] }, timeout: configuration.timeout)
        for case .failure(let error) in replies {
            hasLoadedScripts = false
            throw InboxError(error)
        }
    }

    private func join() async throws(InboxError) {
        let sent = ContinuousClock.now
        guard let number = try await run(Self.join, [lease]).integer else {
            throw InboxError(code: .unavailable, message: "Redis gave no number to a newcomer")
        }
        Failpoint.reach("bridge.inbox.joined")
        joined = number
        made = number
        hasRoom = false
        renewed(at: sent)
    }

    /// Tells of the bridges whose process has ended before this one began: they need no time to show that they live.
    private func declareDead() async throws(InboxError) {
        guard !predecessors.isEmpty else { return }
        _ = try await run(Self.declare, [life] + predecessors.map { Array($0.utf8) })
        predecessors = []
        mark?.write([id], for: self)
    }

    func renewed(at sent: ContinuousClock.Instant) {
        let isUnbroken = reachedAt.map { sent - $0 < configuration.lease * 3 / 5 } ?? false
        if !isUnbroken { reachedSince = sent }
        reachedAt = sent
        renewedAt = sent
        freshUntil = sent + configuration.lease * 4 / 5
    }

    /// A bridge of another process, as a sign of life shows it.
    private struct Peer {
        let id: String
        let made: Int
        let isAlive: Bool
    }

    /// Renews the lease; nil when we have been declared dead.
    private func renew() async throws(InboxError) -> [Peer]? {
        let sent = ContinuousClock.now
        let reply = try await run(Self.beat, [lease, Self.number(made)])
        guard let parts = reply.array, parts.count == 5, let epoch = parts[1].integer else { return nil }
        renewed(at: sent)
        if parts[0].integer == 0 {
            log.warning("the lease of this bridge had run out, and nobody has taken its place", ["bridge": id])
            mustAudit = true
        }
        let mail = InboxRecord.all(in: parts[3])
        let new = mail.count { $0.kind == .answer && held[$0.id] == nil }
        if let count = parts[2].integer, count != held.count + new + enteredCount { mustAudit = true }
        // After that: where something is amiss the audit may find what is older.
        take(mail)
        let others = parts[4].array ?? []
        var peers: [Peer] = []
        for index in stride(from: 0, to: others.count - 2, by: 3) {
            guard let name = others[index].text, let made = others[index + 1].integer,
                !siblings.contains(name)
            else { continue }
            peers.append(Peer(id: name, made: made, isAlive: others[index + 2].integer == 1))
        }
        let wasShared = hasPeers
        // From here on claims keep payloads; what was claimed by its names before follows.
        hasPeers = !peers.isEmpty
        if hasPeers != wasShared { forgetNames() }
        if hasPeers, !wasShared || epoch > made {
            try await makeRoom(for: epoch)
        } else if epoch > made {
            // Newcomers that are gone again.
            made = epoch
        }
        metrics.bridges.set(1 + peers.count { $0.isAlive })
        if hasPeers { listen() }
        return peers
    }

    private func putRight(_ peers: [Peer]) async throws(InboxError) {
        if mustAudit { try await auditNow() }
        let lapsed = peers.filter { !$0.isAlive }.map(\.id)
        if !lapsed.isEmpty || hasOpenTakeOver { try await takeOver(from: lapsed) }
        releaseStandIns()
        // One whose lease has run out may be alive, and Redis have been away: it is waited for until it is declared dead.
        if let joined, !hasRoom { hasRoom = peers.allSatisfy { $0.isAlive && $0.made >= joined } }
        if !untold.isEmpty { try await tellAll() }
        if hasRoom, !hasPeers { learnNames() }
    }

    /// We were declared dead: all that we held is others', and we begin anew.
    ///
    /// - Parameter lost: the id that is dead; nothing happens where we have another by now.
    func lose(_ lost: String) {
        guard id == lost else { return }
        log.warning(
            "this bridge was taken for dead: what it held is left to others",
            ["bridge": id, "held": String(held.count)])
        void.formUnion(held.keys)
        void.formUnion(plain.keys)
        void.formUnion(uncertain.keys)
        metrics.held.add(-held.count)
        held = [:]
        plain = [:]
        forgetNames()
        known = KnownNames(since: .now(), for: configuration.doneFor)
        standIns = [:]
        enteredCount = 0
        uncertain = [:]
        waiting = []
        hasOpenTakeOver = false
        mustAudit = false
        joined = nil
        hasRoom = false
        freshUntil = nil
        renewedAt = nil
        id = InboxKeys.newBridge(configuration.name)
        siblings.replace(lost, with: id)
        mark?.write(predecessors + [id], for: self)
        receiver?.lost { _ in true }
    }

    // MARK: The bell

    /// Waits for mail on a connection of its own, while there are others who could send some.
    private func listen() {
        guard bell == nil, !isRetired else { return }
        bell = loop.spawn(on: self) { inbox in
            // Ends between two waits and never within one: a wait that nobody listens to would swallow the next ring.
            while !Task.isCancelled, inbox.hasPeers, !inbox.isRetired { await inbox.waitForRing() }
            inbox.bell = nil
        }
    }

    private func waitForRing() async {
        let wait = min(configuration.lease / 2, .seconds(5))
        let milliseconds = Self.milliseconds(wait)
        let fraction = String(milliseconds % 1000 + 1000).dropFirst()
        let ring: RedisValue
        do {
            ring = try await blockingClient.send(
                ["BLPOP", keys.bell(of: id), "\(milliseconds / 1000).\(fraction)"],
                timeout: wait + configuration.timeout)
        } catch {
            try? await loop.sleep(for: min(wait, .milliseconds(200)))
            return
        }
        guard !isRetired, let token = ring.array?.last?.text else { return }
        if token == "b" {
            _ = await beat()
        } else if let reply = try? await run(Self.fetch, []) {
            Failpoint.reach("bridge.inbox.fetched")
            // -1, that we are gone, is for the next sign of life to find.
            take(InboxRecord.all(in: reply))
        }
    }
}
