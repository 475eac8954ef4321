public import BridgeCore
public import Redis

/// The registry in Redis: one key for each active session, which expires when the session does.
public struct RedisSessionRegistry: SessionRegistry {
    /// Answers with the session in KEYS 1 if it is still active, else with the candidate, which is put there.
    ///
    /// The key holds an id and the time of the last activity in milliseconds. ARGV 1 is the candidate, 2 the time, 3 the time
    /// to live, 4 how long the key is kept (both in milliseconds), 5 a session that gives way in any case.
    private static let script = RedisScript(
        name: "session",
        source: """
            local now = tonumber(ARGV[2])
            local value = redis.call('GET', KEYS[1])
            local id, last = string.match(value or '', '^(%S+) (%-?%d+)$')
            if id and id ~= ARGV[5] and now - tonumber(last) <= tonumber(ARGV[3]) then
              now = math.max(now, tonumber(last))
            else
              id = ARGV[1]
            end
            redis.call('SET', KEYS[1], id .. ' ' .. string.format('%.0f', now), 'PX', ARGV[4])
            return id
            """)

    private let client: RedisClient
    private let keys: RedisKeys
    private let timeToLive: Int64
    private let keptFor: Int64

    /// A registry.
    ///
    /// - Parameters:
    ///   - prefix: `REDIS_PREFIX`.
    ///   - configuration: the same that the directory has.
    public init(client: RedisClient, prefix: String, configuration: SessionDirectory.Configuration) {
        self.client = client
        keys = RedisKeys(prefix: prefix)
        timeToLive = RedisSessionRegistry.milliseconds(configuration.timeToLive)
        // Activity is told once an interval, so the key may be older by that than the session is.
        keptFor = timeToLive + RedisSessionRegistry.milliseconds(configuration.refreshInterval) + 1000
    }

    /// The active session of a conversation, which is `candidate` when there is none.
    ///
    /// The directory has a deadline of its own. The command may take as long as the client allows: giving it up sooner would cost
    /// the connection, and with it the answers to all that is on it.
    public func session(
        of key: SessionKey, at: Timestamp, candidate: UUID, replacing replaced: UUID?
    ) async throws(SessionRegistryError) -> UUID {
        let arguments = [
            candidate.description, String(at.microseconds / 1000), String(timeToLive), String(keptFor),
            replaced?.description ?? "",
        ]
        do {
            let reply = try await client.run(
                RedisSessionRegistry.script, keys: [keys.session(key)], arguments: arguments.map { Array($0.utf8) })
            guard let session = reply.text.flatMap({ UUID($0) }) else {
                throw SessionRegistryError("the registry's key does not hold a session")
            }
            return session
        } catch let error as RedisError {
            throw SessionRegistryError(error.description)
        } catch let error as SessionRegistryError {
            throw error
        } catch {
            throw SessionRegistryError("\(error)")
        }
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        max(1, duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000)
    }
}
