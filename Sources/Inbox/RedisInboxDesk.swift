public import BridgeCore
public import EventLoop
public import Redis

/// What the operator's commands see of the inbox that bridges share in Redis, and do with its dead letters.
///
/// No bridge: it holds no lease and takes no events. Pinned to a loop, as its client is.
public actor RedisInboxDesk {
    /// An event that a bridge has.
    public struct HeldEvent: Sendable {
        /// Our name of the message.
        public let id: UUID
        /// The bridge that holds it.
        public let bridge: String
        /// Whether that gives signs of life; if not, another takes it over.
        public let isAlive: Bool
        /// How many bridges have died over it.
        public let attempts: Int
        /// What is needed to answer it.
        public let payload: [UInt8]
        /// How far the answer has come; nil where it is not begun, empty where nothing was noted.
        public let progress: [UInt8]?
    }

    /// The loop that it belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let client: RedisClient
    private let keys: InboxKeys
    /// For how long what is put back is remembered to come from nobody who died; longer than any bridge takes to find it.
    private static let life = 86_400

    /// A desk at the inbox of this `REDIS_PREFIX`, or at one shard of it.
    public init(loop: EventLoop, client: RedisClient, prefix: String, isOfCluster: Bool = false) {
        self.loop = loop
        self.client = client
        keys = InboxKeys(prefix: prefix, isOfCluster: isOfCluster)
    }

    /// The shard that answers a conversation, among so many.
    public static func shard(of lane: String, among count: Int) -> Int { ShardedInbox.shard(of: lane, among: count) }

    /// The bridges that are known, and whether each gives signs of life.
    public func bridges() async throws(RedisError) -> [(name: String, isAlive: Bool)] {
        var found: [(String, Bool)] = []
        let names = try await client.send(["HKEYS", "\(keys.prefix)bridges"]).array?.compactMap(\.text) ?? []
        for name in names.sorted() {
            found.append((name, try await client.send(["EXISTS", keys.lease(of: name)]).integer == 1))
        }
        return found
    }

    /// The events that are wanted among those that bridges hold with all that is in them.
    public func heldEvents(_ isWanted: @Sendable (UUID, [UInt8]) -> Bool) async throws(RedisError) -> [HeldEvent] {
        var found: [HeldEvent] = []
        for (bridge, isAlive) in try await bridges() {
            var cursor = "0"
            repeat {
                let reply = try await client.send(["HSCAN", keys.held(by: bridge), cursor, "COUNT", "500"])
                guard let parts = reply.array, parts.count == 2, let next = parts[0].text else { break }
                cursor = next
                let items = parts[1].array ?? []
                for index in stride(from: 0, to: items.count - 1, by: 2) {
                    guard let id = items[index].text.flatMap({ UUID($0) }), let bytes = items[index + 1].bytes,
                        let record = InboxRecord(id: id, bytes: bytes, progress: nil), record.kind == .answer,
                        isWanted(id, record.payload), !found.contains(where: { $0.id == id && $0.bridge == bridge })
                    else { continue }
                    let progress = try await client.send(["HGET", "\(keys.prefix)begun:\(bridge)", id.description])
                    found.append(
                        HeldEvent(
                            id: id, bridge: bridge, isAlive: isAlive, attempts: record.attempts,
                            payload: record.payload, progress: progress.bytes))
                }
            } while cursor != "0"
        }
        return found
    }

    // MARK: Dead letters

    /// The number of dead letters.
    public func deadCount() async throws(RedisError) -> Int {
        try await client.send(["LLEN", keys.dead]).integer ?? 0
    }

    /// Dead letters, newest first, from a place in that order.
    public func deadLetters(from offset: Int, count: Int) async throws(RedisError) -> [[UInt8]] {
        guard count > 0 else { return [] }
        return try await client.send(["LRANGE", keys.dead, "\(offset)", "\(offset + count - 1)"]).array?
            .compactMap(\.bytes) ?? []
    }

    /// Takes a dead letter away.
    ///
    /// - Returns: false where it is not there any more.
    public func dropDeadLetter(_ letter: [UInt8]) async throws(RedisError) -> Bool {
        var command = RedisCommand("LREM", keys.dead, "-1")
        command.append(letter)
        return try await client.send(command).integer == 1
    }

    /// Hands the event of a dead letter to the bridges once more, in one step with taking the letter away.
    ///
    /// It is left behind as by a bridge that has ended in order: the living take it over at once, or the next that starts, and it
    /// comes to whoever answers its conversation.
    ///
    /// - Parameters:
    ///   - lane: the conversation's name in the inbox.
    ///   - progress: what whoever answers it goes on from; nil: from the start.
    /// - Returns: how many bridges live that could answer it; nil where the letter is not there any more.
    public func reviveDelivery(
        _ letter: [UInt8], id: UUID, lane: String, payload: [UInt8], progress: [UInt8]?
    ) async throws(RedisError) -> Int? {
        var arguments = [Array(keys.prefix.utf8), letter, Array(id.description.utf8), Array(lane.utf8), payload]
        arguments.append(progress == nil ? [] : [UInt8(ascii: "1")])
        arguments.append(progress ?? [])
        arguments.append(Array("\(Self.life)".utf8))
        let living =
            try await client.run(Self.revive, keys: [keys.dead] + keys.gates, arguments: arguments).integer ?? -1
        return living < 0 ? nil : living
    }

    /// Leaves the event of a letter behind, and answers with the number of bridges that live, or -1 without the letter.
    ///
    /// ARGV: the prefix of the keys, the letter, the event's id, lane, payload, `1` where it is begun, the progress, the life of the
    /// mark in seconds; KEYS 1 are the dead letters. The mark that its letter is filed goes: it may become one again. That DEL is
    /// the first write, which a Redis at `maxmemory` does not refuse, and then none after it.
    static let revive = RedisScript(
        name: "revive",
        source: """
            local P, letter, id, lane, payload, begun, progress, life = unpack(ARGV)
            local call = redis.call
            if not call('LPOS', KEYS[1], letter) then return -1 end
            call('DEL', P .. 'letter:' .. id)
            local desk = 'desk-' .. id
            call('HSET', P .. 'held:' .. desk, id, 'a' .. call('INCR', P .. 'seq') .. ' 0 ' .. #lane .. ' ' .. lane .. payload)
            if begun == '1' then call('HSET', P .. 'begun:' .. desk, id, progress) end
            call('SET', P .. 'gone:' .. desk, 'retired', 'EX', life)
            local living = 0
            for _, bridge in ipairs(call('HKEYS', P .. 'bridges')) do
              if call('EXISTS', P .. 'lease:' .. bridge) == 1 then
                living = living + 1
                call('RPUSH', P .. 'bell:' .. bridge, 'b')
              end
            end
            call('HSET', P .. 'bridges', desk, 0)
            call('LREM', KEYS[1], -1, letter)
            return living
            """)
}
