import BridgeCore
import EventLoop
import HTTPClient
import Inbox
import Journal
import Postgres
import Redis

/// Everything in which a message can be, for the operator's commands: opened as it is needed, and changed by nothing but them.
struct OperatorStores: Sendable {
    let product: ProductConfiguration
    let loop: EventLoop
    /// What bridges and loggers share, one part for each shard; nil where there is no Redis.
    let shared: Shared?
    /// What `chatbridge run` keeps where there is no Redis.
    let file: InboxFileReader?
    let spool: SpoolReader
    let journal: any JournalReader
    /// What the database is called, without any password.
    let journalName: String

    /// What is in Redis.
    struct Shared: Sendable {
        /// The two sides of a shard.
        struct Shard: Sendable {
            let client: RedisClient
            let queue: RedisJobQueue
            let inbox: RedisInboxDesk
        }

        /// One but in a cluster.
        let shards: [Shard]
        /// What it is called, without any password.
        let name: String
    }

    /// - Throws: where a URL is none.
    init(_ product: ProductConfiguration, loop: EventLoop) throws {
        self.product = product
        self.loop = loop
        if let url = product.redisURL {
            let configuration = try RedisConfiguration(url: url.value)
            let shards = try product.redisShards(url).map { shard in
                let client = RedisClient(loop: loop, configuration: shard.configuration)
                var queue = product.queueConfiguration
                queue.prefix = shard.prefix
                // People wait for less than a bridge does, and for more than one job.
                queue.timeout = .seconds(5)
                return Shared.Shard(
                    client: client,
                    queue: RedisJobQueue(loop: loop, client: client, blockingClient: nil, configuration: queue),
                    inbox: RedisInboxDesk(
                        loop: loop, client: client, prefix: shard.prefix, isOfCluster: shard.isOfCluster))
            }
            shared = Shared(shards: shards, name: configuration.description)
            file = nil
        } else {
            shared = nil
            file = InboxFileReader(folder: product.spoolDirectory)
        }
        spool = SpoolReader(directory: product.spoolDirectory)
        switch product.database {
        case .sqlite(let path):
            journal = SQLiteReader(path: path)
            journalName = "sqlite:\(path)"
        case .postgres(let url):
            let configuration = try PostgresConfiguration(url.value)
            journal = PostgresReader(configuration: configuration)
            journalName = "postgres \(configuration.endpoint)"
        }
    }

    /// Gives all connections back.
    func close() async {
        for shard in shared?.shards ?? [] { await shard.client.shutdown() }
        await file?.close()
        await journal.close()
    }
}

extension Command {
    /// Loads the configuration and opens what it names, for a command of the operator.
    static func withStores(
        _ body: @escaping @Sendable (OperatorStores) async throws -> ExitCode
    ) throws -> ExitCode {
        let loaded = ConfigurationLoader.load(isWebDefault: true)
        guard loaded.problems.isEmpty else { return refuse(loaded.problems) }
        let loop = try EventLoop()
        let product = loaded.product
        return try loop.run {
            let stores: OperatorStores
            do { stores = try OperatorStores(product, loop: loop) } catch {
                return refuse(["\(error)"])
            }
            let code = try await body(stores)
            await stores.close()
            return code
        }
    }
}
