/// A part of an installation's keys that one server holds together, so that a script may use all of them.
///
/// One server, and a master that sentinels name, are one shard with the plain prefix. A cluster has several, each with a
/// tag of its own in the prefix (`chatbridge:{3}`): all keys of it are in one slot, and its client follows that slot from
/// node to node.
public struct RedisShard: Sendable, Hashable {
    /// How many shards a cluster has unless told otherwise, `REDIS_SHARDS`: up to so many masters share the work.
    public static let defaultCount = 16

    /// For clients that work with this shard's keys.
    public let configuration: RedisConfiguration
    /// What all its keys begin with, in place of `REDIS_PREFIX`.
    public let prefix: String
    /// Whether it is one of a cluster's.
    public var isOfCluster: Bool { configuration.hashTag != nil }
}

extension RedisConfiguration {
    /// The shards of this deployment: of a cluster `count` ones, else a single one that has the prefix as it is.
    public func shards(prefix: String, count: Int = RedisShard.defaultCount) -> [RedisShard] {
        guard case .cluster = endpoint else { return [RedisShard(configuration: self, prefix: prefix)] }
        return (0..<max(1, count)).map { number in
            var configuration = self
            configuration.hashTag = String(number)
            return RedisShard(configuration: configuration, prefix: "\(prefix):{\(number)}")
        }
    }
}
