import BridgeCore
import EventLoop
import Inbox
import Journal
import Redis
import Telemetry

/// What is made of `REDIS_URL`: one server, a master that sentinels name, or the shards of a cluster.
extension ProductConfiguration {
    /// The parts that the keys are spread over; one but in a cluster.
    func redisShards(_ url: Secret) throws -> [RedisShard] {
        try RedisConfiguration(url: url.value).shards(prefix: redisPrefix, count: redisShardCount)
    }

    /// How long a bridge waits for Redis.
    ///
    /// No user waits with it, so it may be long: a push that is given up is made again, and then its jobs are in the queue
    /// twice when the first one was only late. In a cluster another shard can take them sooner.
    static func patience(isCluster: Bool) -> Duration { isCluster ? .seconds(5) : .seconds(15) }

    /// The connection of a bridge's log to a shard.
    func patient(_ shard: RedisShard) -> RedisConfiguration {
        var configuration = shard.configuration
        configuration.commandTimeout = ProductConfiguration.patience(isCluster: shard.isOfCluster)
        return configuration
    }

    /// The queue of log jobs.
    ///
    /// - Parameters:
    ///   - clients: for each shard, for all commands but the blocking ones.
    ///   - claims: whether this process takes jobs too: then it waits for them on connections of their own.
    func makeQueue(
        loop: EventLoop, shards: [RedisShard], clients: [RedisClient], claims: Bool,
        configuration: RedisJobQueue.Configuration, log: Log
    ) -> any JobQueue {
        let queues = zip(shards, clients).map { shard, client in
            var configuration = configuration
            configuration.prefix = shard.prefix
            configuration.timeout = min(
                configuration.timeout, ProductConfiguration.patience(isCluster: shard.isOfCluster))
            return RedisJobQueue(
                loop: loop, client: client,
                blockingClient: claims ? RedisClient(loop: loop, configuration: client.configuration) : nil,
                configuration: configuration, log: log)
        }
        return queues.count == 1 ? queues[0] : ShardedJobQueue(loop: loop, shards: queues, log: log)
    }

    /// What the bridges of a fleet share.
    func makeInbox(
        loop: EventLoop, shards: [RedisShard], process: ProcessIdentity, metrics: Metrics, log: Log
    ) -> any InboxStore {
        let inboxes = shards.enumerated().map { number, shard in
            var configuration = inboxConfiguration
            configuration.prefix = shard.prefix
            configuration.isOfCluster = shard.isOfCluster
            // Connections of its own: users wait for its answers, and nobody for those of the log.
            return RedisInbox(
                loop: loop, client: RedisClient(loop: loop, configuration: shard.configuration),
                blockingClient: RedisClient(loop: loop, configuration: shard.configuration),
                configuration: configuration,
                mark: process.marks[number], siblings: process.siblings, log: log, metrics: metrics)
        }
        return inboxes.count == 1 ? inboxes[0] : ShardedInbox(loop: loop, shards: inboxes)
    }
}

/// What tells the bridges of this process, one a loop, from those of others.
struct ProcessIdentity: Sendable {
    let siblings = SiblingBridges()
    /// For each shard; see ``BridgeMark``.
    let marks: [BridgeMark?]

    /// The identity of this process; it is to be taken once.
    init(_ product: ProductConfiguration) throws {
        marks =
            try product.redisURL.map(product.redisShards)?.enumerated().map { number, shard in
                BridgeMark(directory: product.spoolDirectory, shard: shard.isOfCluster ? number : nil)
            } ?? []
    }
}
