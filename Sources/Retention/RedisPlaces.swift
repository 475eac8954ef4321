internal import BridgeCore
internal import Inbox
internal import Journal
package import Redis

/// What lies in Redis: log jobs that wait or are claimed, dead letters, events in work, and names of conversations.
///
/// What a living logger or bridge has in hand is left to it: the logger drops it, the bridge is through with it soon.
package struct RedisPlaces: SessionPlace {
    let client: RedisClient
    let prefix: String
    package var sessions: [PersonRows.Session] = []
    private let person: Person
    private static let page = 500

    package init(client: RedisClient, prefix: String, person: Person) {
        self.client = client
        self.prefix = prefix
        self.person = person
    }

    package func visit(_ matcher: inout PersonMatcher, _ visit: Visit) async throws(RetentionError) -> [Finding] {
        do throws(RedisError) {
            let keys = JournalKeys(prefix: prefix)
            var (queue, claimed) = (Finding(.queue), Finding(.claimed))
            var (deadJobs, deadDeliveries) = (Finding(.deadJobs), Finding(.deadDeliveries))
            // News of a message lie before it: whose messages there are has to be known first.
            var passed = Finding(.queue)
            for key in keys.queues { try await visitList(key, &passed, .count) { matcher.matches(job: $0) } }
            for key in keys.deadLists { try await visitList(key, &passed, .count) { matcher.matches(letter: $0) } }
            let claims = try await scan(keys.claimedPattern)
            for key in claims { try await visitList(key, &passed, .count) { matcher.matches(job: $0) } }
            // Jobs move from left to right here: one that moves on while it is looked for is met again, or dropped by its logger.
            for key in keys.queues { try await visitList(key, &queue, visit) { matcher.matches(job: $0) } }
            for key in claims {
                var isAlive = false
                if let lease = keys.lease(ofClaimed: key) {
                    isAlive = try await client.send(["EXISTS", lease]).integer == 1
                }
                try await visitList(key, &claimed, visit, isInWork: isAlive) { matcher.matches(job: $0) }
            }
            for key in keys.deadLists {
                try await visitList(key, &deadJobs, visit) { matcher.matches(letter: $0) }
            }
            let inboxKeys = InboxPlaces(prefix: prefix)
            try await visitList(inboxKeys.dead, &deadDeliveries, visit) { matcher.matches(delivery: $0) }
            var inbox = Finding(.inbox)
            for bridge in try await scan(inboxKeys.heldPattern).compactMap({ inboxKeys.bridge(ofHeld: $0) }) {
                try await visitHeld(bridge, inboxKeys, &inbox, visit, matcher)
            }
            let registry = try await visitRegistry(keys, visit)
            return [queue, claimed, deadJobs, deadDeliveries, inbox, registry]
        } catch {
            throw RetentionError(error)
        }
    }

    // MARK: Lists

    /// Goes through a list from its head; what is found is removed by its value, wherever it is by then.
    private func visitList(
        _ key: String, _ finding: inout Finding, _ visit: Visit, isInWork: Bool = false,
        _ matches: ([UInt8]) -> Bool
    ) async throws(RedisError) {
        var index = 0
        while true {
            let reply = try await client.send(["LRANGE", key, String(index), String(index + Self.page - 1)])
            let elements = reply.array?.compactMap(\.bytes) ?? []
            if elements.isEmpty { return }
            var removed = 0
            for element in elements where matches(element) {
                if visit == .erase, !isInWork {
                    let count =
                        try await client.send(
                            RedisCommand("LREM", arguments: [Array(key.utf8), Array("0".utf8), element])
                        ).integer ?? 0
                    removed += count
                    // Gone meanwhile: whoever took it drops it.
                    if count == 0 { continue }
                }
                finding.note(element, isInWork: isInWork, keeps: visit == .collect)
            }
            index += elements.count - removed
        }
    }

    private func scan(_ pattern: String) async throws(RedisError) -> [String] {
        var cursor = "0"
        var found: Set<String> = []
        repeat {
            let reply = try await client.send(["SCAN", cursor, "MATCH", pattern, "COUNT", "1000"])
            guard let parts = reply.array, parts.count == 2, let next = parts[0].text else { break }
            found.formUnion(parts[1].array?.compactMap(\.text) ?? [])
            cursor = next
        } while cursor != "0"
        return found.sorted()
    }

    // MARK: Inbox

    private func visitHeld(
        _ bridge: String, _ keys: InboxPlaces, _ finding: inout Finding, _ visit: Visit, _ matcher: PersonMatcher
    ) async throws(RedisError) {
        let isAlive = try await client.send(["EXISTS", keys.lease(of: bridge)]).integer == 1
        let reply = try await client.send(["HGETALL", keys.held(by: bridge)]).array ?? []
        for index in stride(from: 0, to: reply.count - 1, by: 2) {
            guard let id = reply[index].text, let entry = reply[index + 1].bytes.flatMap({ InboxPlaces.entry($0) }),
                matcher.matches(event: entry.payload)
            else { continue }
            if visit == .erase, !isAlive {
                let removed = try await client.run(
                    InboxPlaces.remove, keys: [keys.held(by: bridge)],
                    arguments: [keys.prefix, bridge, id, entry.lane ?? ""].map { Array($0.utf8) }
                ).integer
                // A bridge has taken it over just now.
                if removed != 1 { continue }
            }
            finding.note(entry.payload, isInWork: isAlive, keeps: visit == .collect)
        }
    }

    // MARK: Registry

    private func visitRegistry(_ keys: JournalKeys, _ visit: Visit) async throws(RedisError) -> Finding {
        var finding = Finding(.registry)
        for session in sessions {
            let key = keys.session(
                SessionKey(
                    platform: person.platform, account: session.account, conversation: session.conversation,
                    thread: session.thread))
            let isThere = try await client.send([visit == .erase ? "DEL" : "EXISTS", key]).integer ?? 0
            finding.count += isThere
        }
        return finding
    }
}

extension RetentionError {
    /// What an error of Redis means here.
    init(_ error: RedisError) {
        switch error.code {
        case .notConnected, .unanswered, .overloaded, .server, .configuration, .protocol:
            self.init(.unavailable, "the Redis of REDIS_URL cannot be used: \(error.message)")
        default: self.init(.failed, error.message)
        }
    }
}
