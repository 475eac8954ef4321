/// Where the log keeps jobs in Redis, for those who look for somebody's.
package struct JournalKeys: Sendable {
    private let keys: RedisKeys

    /// - Parameter prefix: `REDIS_PREFIX`.
    package init(prefix: String) {
        keys = RedisKeys(prefix: prefix)
    }

    /// The queues: lists of jobs.
    package var queues: [String] { [keys.queue] }

    /// The dead letters: lists.
    package var deadLists: [String] { [keys.dead] }

    /// The pattern (`SCAN`, glob style) of all lists of jobs in loggers' hands.
    package var claimedPattern: String { keys.claimedPattern }

    /// The sign of life of the logger whose list this is.
    package func lease(ofClaimed key: String) -> String? { keys.owner(ofClaimed: key).map(keys.lease) }

    /// The active session of a conversation.
    package func session(_ key: SessionKey) -> String { keys.session(key) }
}
