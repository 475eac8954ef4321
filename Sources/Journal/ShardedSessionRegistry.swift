public import BridgeCore

/// The registry of a cluster: each conversation in the shard that its name belongs to.
public struct ShardedSessionRegistry: SessionRegistry {
    private let shards: [RedisSessionRegistry]

    /// A registry over these shards, of which all processes have the same number.
    public init(shards: [RedisSessionRegistry]) {
        precondition(!shards.isEmpty, "a registry has a shard")
        self.shards = shards
    }

    /// The active session of a conversation, which is `candidate` when there is none.
    public func session(
        of key: SessionKey, at: Timestamp, candidate: UUID, replacing replaced: UUID?
    ) async throws(SessionRegistryError) -> UUID {
        // The same in every process, which Swift's own hash is not.
        let sum = key.canonical.utf8.reduce(5381) { ($0 &* 33) ^ UInt64($1) }
        return try await shards[Int(sum % UInt64(shards.count))].session(
            of: key, at: at, candidate: candidate, replacing: replaced)
    }
}
