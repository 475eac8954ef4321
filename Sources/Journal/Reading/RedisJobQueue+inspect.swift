internal import Redis

/// What the operator's commands see of the queue and do with its dead letters.
extension RedisJobQueue {
    /// Jobs that are read at once.
    private static let page = 500

    /// The jobs that are wanted and not in the database yet: in the queue, in loggers' hands, among the dead letters.
    ///
    /// Looked for on the way that jobs go, so that none slips through while it moves on.
    public func find(_ isWanted: @Sendable ([UInt8]) -> Bool) async throws(JobQueueError) -> [FoundJob] {
        var found: [FoundJob] = []
        // From its head: what is pushed meanwhile moves jobs away from there, to where they are still to be looked for.
        try await forEach(in: keys.queue) { index, count, job in
            if isWanted(job) { found.append(FoundJob(place: .queue(ahead: max(0, count - 1 - index)), bytes: job)) }
        }
        for list in try await claimedLists() {
            let logger = keys.owner(ofClaimed: list) ?? list
            let isAlive = try await send(["EXISTS", keys.lease(of: logger)]).integer == 1
            try await forEach(in: list) { _, _, job in
                if isWanted(job) {
                    found.append(FoundJob(place: .claimed(logger: logger, isAlive: isAlive), bytes: job))
                }
            }
        }
        try await forEach(in: keys.dead) { _, _, letter in
            if isWanted(letter) { found.append(FoundJob(place: .dead, bytes: letter)) }
        }
        return found
    }

    /// How many loggers give signs of life, and how many jobs are in loggers' hands.
    public func loggersInWork() async throws(JobQueueError) -> (alive: Int, claimed: Int) {
        var alive = 0
        for logger in try await send(["SMEMBERS", keys.loggers]).array?.compactMap(\.text) ?? [] {
            alive += try await send(["EXISTS", keys.lease(of: logger)]).integer ?? 0
        }
        var claimed = 0
        for list in try await claimedLists() { claimed += try await send(["LLEN", list]).integer ?? 0 }
        return (alive, claimed)
    }

    /// Dead letters, newest first, from a place in that order.
    public func deadLetters(from offset: Int, count: Int) async throws(JobQueueError) -> [[UInt8]] {
        guard count > 0 else { return [] }
        let reply = try await send(["LRANGE", keys.dead, "\(offset)", "\(offset + count - 1)"])
        return reply.array?.compactMap(\.bytes) ?? []
    }

    /// Takes a dead letter away.
    ///
    /// - Returns: false where it is not there any more.
    public func dropDeadLetter(_ letter: [UInt8]) async throws(JobQueueError) -> Bool {
        var command = RedisCommand("LREM", keys.dead, "-1")
        command.append(letter)
        return try await send(command).integer == 1
    }

    /// Puts the job of a dead letter back into the queue, in one step with taking the letter away.
    ///
    /// - Returns: false where the letter is not there any more: somebody else has done it.
    public func retryDeadLetter(_ letter: [UInt8], job: [UInt8]) async throws(JobQueueError) -> Bool {
        try await run(Self.retry, keys: [keys.dead, keys.queue], arguments: [letter, job]).integer == 1
    }

    /// Takes the letter ARGV 1 out of the list KEYS 1, from its old end, and pushes the job ARGV 2 to the queue KEYS 2.
    ///
    /// A Redis at `maxmemory` refuses neither: the first write only takes away.
    private static let retry = RedisScript(
        name: "retry",
        source: """
            if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then return 0 end
            redis.call('LPUSH', KEYS[2], ARGV[2])
            return 1
            """)

    private func claimedLists() async throws(JobQueueError) -> [String] {
        var cursor = "0"
        var found: Set<String> = []
        repeat {
            let reply = try await send(["SCAN", cursor, "MATCH", keys.claimedPattern, "COUNT", "1000"])
            guard let parts = reply.array, parts.count == 2, let next = parts[0].text else { break }
            cursor = next
            found.formUnion(parts[1].array?.compactMap(\.text) ?? [])
        } while cursor != "0"
        return found.sorted()
    }

    private func forEach(in list: String, _ body: (Int, Int, [UInt8]) -> Void) async throws(JobQueueError) {
        var index = 0
        while true {
            let count = try await send(["LLEN", list]).integer ?? 0
            let reply = try await send(["LRANGE", list, "\(index)", "\(index + Self.page - 1)"])
            let jobs = reply.array?.compactMap(\.bytes) ?? []
            for job in jobs {
                body(index, count, job)
                index += 1
            }
            if jobs.count < Self.page { return }
        }
    }
}
