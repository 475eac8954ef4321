internal import BridgeCore
package import Redis

/// Where a fleet's inbox keeps events in Redis, for those who look for somebody's.
package struct InboxPlaces: Sendable {
    /// What all names begin with.
    package let prefix: String
    /// The dead letters of deliveries: a list.
    package let dead: String
    private let keys: InboxKeys

    /// - Parameter prefix: `REDIS_PREFIX`.
    package init(prefix: String) {
        keys = InboxKeys(prefix: prefix)
        self.prefix = keys.prefix
        dead = keys.dead
    }

    /// The sign of life of a bridge.
    package func lease(of bridge: String) -> String { keys.lease(of: bridge) }

    /// What a bridge holds: a hash of ids and records.
    package func held(by bridge: String) -> String { keys.held(by: bridge) }

    /// The pattern (`SCAN`, glob style) of what all bridges hold.
    package var heldPattern: String {
        // What stands for other characters in a pattern stands for itself in our prefix.
        held(by: "").map { "[]?*\\^-".contains($0) ? "\\\($0)" : "\($0)" }.joined() + "*"
    }

    /// The bridge that a key of ``heldPattern`` is of.
    package func bridge(ofHeld key: String) -> String? {
        let start = held(by: "")
        return key.hasPrefix(start) ? String(key.dropFirst(start.count)) : nil
    }

    /// The conversation and the payload of a record; nil where it is none.
    package static func entry(_ record: [UInt8]) -> (lane: String?, payload: [UInt8])? {
        InboxRecord(id: UUID(high: 0, low: 0), bytes: record, progress: nil).map { ($0.lane, $0.payload) }
    }

    /// Takes the event ARGV 3, of the conversation ARGV 4, from a bridge (ARGV 2) that is dead; ARGV 1 is the prefix, KEYS 1 what
    /// the bridge holds.
    ///
    /// Answers 0 where the bridge lives or does not hold it.
    package static let remove = RedisScript(
        name: "remove",
        source: """
            local P, bridge, id, lane = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
            if redis.call('EXISTS', P .. 'lease:' .. bridge) == 1 then return 0 end
            if redis.call('HDEL', KEYS[1], id) == 0 then return 0 end
            redis.call('HDEL', P .. 'begun:' .. bridge, id)
            local value = lane ~= '' and redis.call('HGET', P .. 'lanes', lane)
            local count, owner = string.match(value or '', '^(%d+) (.*)$')
            if owner == bridge then
              if tonumber(count) > 1 then redis.call('HSET', P .. 'lanes', lane, (count - 1) .. ' ' .. owner)
              else redis.call('HDEL', P .. 'lanes', lane) end
            end
            return 1
            """)
}
