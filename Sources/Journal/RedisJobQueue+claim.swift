internal import EventLoop
internal import Failpoints
internal import Redis
internal import Telemetry

/// The reliable claim: lists of one's own, and a lease that says that one lives.
extension RedisJobQueue {
    func claimReliably(limit: Int, linger: Duration, wait: Duration) async throws(JobQueueError) -> ClaimedJobs? {
        await startLease()
        if !hasLease { await renewLease() }
        if let claim = try await claimAdopted(limit) { return claim }
        let place = uncertain ?? nextPlace()
        // From here on the list may exist, whatever we learn of it.
        uncertain = place
        do throws(JobQueueError) {
            return try await fill(place, limit: limit, linger: linger, wait: wait)
        } catch {
            giveUp(place)
            throw error
        }
    }

    /// Claims to a list of its own; nil when there was nothing, or when it has become an adopted list.
    private func fill(
        _ place: String, limit: Int, linger: Duration, wait: Duration
    ) async throws(JobQueueError) -> ClaimedJobs? {
        var jobs = try await take(limit, to: place)
        if jobs.isEmpty {
            if let claim = try await claimAdopted(limit) { return claim }
            let reply = try await blockingMove(to: place, atMost: wait)
            guard let job = reply.bytes else {
                // Cut short by a stop, the command is still with the server.
                if Task.isCancelled { giveUp(place) }
                return nil
            }
            jobs = [job]
        }
        if jobs.count < max(1, limit / 2), linger > .zero {
            // Cut short when the logger stops; what is there is its last batch then.
            try? await loop.sleep(for: linger)
            if uncertain == place { jobs = try await take(limit, to: place) }
        }
        // The lease was lost meanwhile: the list is somebody else's.
        guard uncertain == place, !jobs.isEmpty else { return nil }
        uncertain = nil
        inHand.insert(place)
        return ClaimedJobs(jobs: jobs.reversed(), receipt: .init(place: place, remaining: 0))
    }

    /// Claims no more to a list whose command was not answered.
    ///
    /// Executed late, it would add jobs that the end of the claim deletes unread. What is in the list is found as a stray, and
    /// renamed before it is read.
    private func giveUp(_ place: String) {
        guard uncertain == place else { return }
        uncertain = nil
        mayHaveStrays = true
    }

    /// Fills a claimed list from the queue.
    ///
    /// - Returns: all that the list holds, newest first; empty also where it has become an adopted list (see below).
    private func take(_ limit: Int, to place: String) async throws(JobQueueError) -> [[UInt8]] {
        do {
            let numbers = [limit, limit * 4]
            let reply = try await run(
                Self.claim, keys: [keys.queue, place], arguments: numbers.map { Array(String($0).utf8) })
            let count = reply.integer ?? 0
            guard count <= limit * 4 else {
                adoptUncertain(place, count: count)
                return []
            }
            // Read outside of the script, where each job would be made into a string of Lua's and back.
            return count == 0 ? [] : try await jobs(of: place, upTo: limit * 4)
        } catch {
            // Executed late, it makes a list that nobody has asked for any more.
            mayHaveStrays = true
            guard error.code == .full else { throw error }
        }
        // Redis is at `maxmemory` and refuses what could grow. Part of the claim may have come through.
        let jobs = try await jobs(of: place, upTo: limit * 4)
        if !jobs.isEmpty, jobs.count <= limit * 4 { return jobs }
        // RENAMENX is not refused: the whole queue becomes a claimed list, and is handed out piece by piece.
        let count = try await run(Self.takeAll, keys: [keys.queue, place], arguments: []).integer ?? 0
        guard count > 0 else { return [] }
        log.warning("Redis is at its memory limit: the log queue is taken as a whole", ["jobs": String(count)])
        adoptUncertain(place, count: count)
        return []
    }

    /// The jobs of a claimed list, newest first; one more than the limit where there are more.
    private func jobs(of place: String, upTo limit: Int) async throws(JobQueueError) -> [[UInt8]] {
        try await send(["LRANGE", place, "0", String(limit)]).array?.compactMap(\.bytes) ?? []
    }

    private func adoptUncertain(_ place: String, count: Int) {
        guard uncertain == place else { return }
        uncertain = nil
        adopt(place, count: count)
    }

    private func blockingMove(to place: String, atMost wait: Duration) async throws(JobQueueError) -> RedisValue {
        // `take` made an adopted list of this place.
        guard uncertain == place else { return .null }
        do {
            return try await block(
                ["BLMOVE", keys.queue, place, "RIGHT", "LEFT", RedisJobQueue.seconds(wait)], atMost: wait)
        } catch {
            guard error.code == .full else { throw error }
            // Refused at `maxmemory`, jobs or not: look again soon.
            try? await loop.sleep(for: min(wait, .milliseconds(50)))
            return .null
        }
    }

    func nextPlace() -> String {
        claims += 1
        return keys.claimed(by: id, number: claims)
    }

    // MARK: Adopted lists

    /// Notes a list of jobs that belongs to us now.
    func adopt(_ place: String, count: Int) {
        guard count > 0 else { return }
        adopted.append((place, count))
        inHand.insert(place)
    }

    /// The next piece of the oldest adopted list, from its tail.
    private func claimAdopted(_ limit: Int) async throws(JobQueueError) -> ClaimedJobs? {
        while let (place, unclaimed) = adopted.first {
            let start = max(0, unclaimed - limit)
            let reply = try await send(["LRANGE", place, String(start), String(unclaimed - 1)])
            guard adopted.first?.place == place else { return nil }
            let jobs = reply.array?.compactMap(\.bytes) ?? []
            if start == 0 || jobs.isEmpty { adopted.removeFirst() } else { adopted[0].unclaimed = start }
            // Taken from us, after our lease had run out.
            if jobs.isEmpty {
                inHand.remove(place)
                continue
            }
            return ClaimedJobs(jobs: jobs.reversed(), receipt: .init(place: place, remaining: start))
        }
        return nil
    }

    // MARK: Lease

    /// At the first claim: shows that we live, looks for what others left, and keeps doing both.
    private func startLease() async {
        guard leaseTask == nil, !isRetired else { return }
        let interval = configuration.lease / 3
        leaseTask = loop.spawn(on: self) { queue in
            var rounds = 0
            while !Task.isCancelled {
                do { try await queue.loop.sleep(for: interval) } catch { return }
                await queue.renewLease()
                rounds += 1
                // A list can be left without its logger being in the set (memory was full, or a blocked move came through
                // after its logger had been forgotten): rare, so that a look at all keys now and then is enough.
                await queue.lookForLapsed(everywhere: queue.mayHaveStrays || rounds.isMultiple(of: 120))
            }
        }
        await renewLease()
        await lookForLapsed(everywhere: mayHaveStrays)
    }

    private func renewLease() async {
        let milliseconds =
            configuration.lease.components.seconds * 1000
            + configuration.lease.components.attoseconds / 1_000_000_000_000_000
        do {
            if hasLease {
                if try await send(["PEXPIRE", keys.lease(of: id), String(milliseconds)]).integer == 1 { return }
                startAnew()
            }
            guard !isRetired else { return }
            let arguments = [id, configuration.name, String(milliseconds)]
            _ = try await run(
                Self.live, keys: [keys.lease(of: id), keys.loggers], arguments: arguments.map { Array($0.utf8) })
            hasLease = true
        } catch {
            // Without a lease another logger may take what we have claimed: work is done twice then, to no effect.
            log.warning("the logger's lease cannot be renewed", ["error": error.description])
        }
    }

    /// The lease ran out: all that we had claimed may be others' by now, so nothing of it is ours any more.
    private func startAnew() {
        log.warning("the logger's lease had run out: its claims are left to others", ["logger": id])
        hasLease = false
        id = RedisJobQueue.newID(configuration.name)
        uncertain = nil
        adopted = []
        inHand = []
    }

    /// Takes over the claims of loggers whose lease has run out.
    func lookForLapsed(everywhere: Bool) async {
        do throws(JobQueueError) {
            let reply = try await run(Self.lapsed, keys: [keys.loggers], arguments: [Array(keys.leases.utf8)])
            let names = reply.array?.compactMap(\.text) ?? []
            guard everywhere || !names.isEmpty else { return }
            mayHaveStrays = false
            try await takeOverLists()
            for name in names where name != id { _ = try await send(["SREM", keys.loggers, name]) }
        } catch {
            mayHaveStrays = true
            log.warning("claims of loggers that are gone cannot be looked for", ["error": error.description])
        }
    }

    private func takeOverLists() async throws(JobQueueError) {
        var cursor = "0"
        var found: [String] = []
        repeat {
            let reply = try await send(["SCAN", cursor, "MATCH", keys.claimedPattern, "COUNT", "1000"])
            guard let parts = reply.array, parts.count == 2, let next = parts[0].text else { return }
            cursor = next
            found += parts[1].array?.compactMap(\.text) ?? []
        } while cursor != "0"
        for place in Set(found).sorted() {
            guard let owner = keys.owner(ofClaimed: place) else { continue }
            // Ours are in hand, but for one that a late command has made behind our back.
            let isStray = owner == id && !inHand.contains(place) && uncertain != place
            guard owner != id || isStray else { continue }
            let own = nextPlace()
            // A lease that cannot stand for a stray of our own: its place is empty.
            let lease = isStray ? keys.lease(of: "") : keys.lease(of: owner)
            let count = try await run(Self.takeOver, keys: [lease, place, own], arguments: []).integer ?? 0
            guard count > 0 else { continue }
            Failpoint.reach("logger.takeover")
            log.warning("claims of a logger that is gone are taken over", ["logger": owner, "jobs": String(count)])
            adopt(own, count: count)
        }
    }
}
