import BridgeCore
import EventLoop
import Glibc
import Inbox
import Journal
import Redis
import Telemetry

/// The bridge's end of the log path (recorder, buffer, spool and the queue that they fill), and the inbox, which is kept at the
/// same place.
struct LogPath: Sendable {
    let recorder: JournalRecorder
    let buffer: LogBuffer
    let queue: any JobQueue
    /// What this process keeps on disk where there is no Redis: the queue is in it, and the inbox.
    let file: InboxFile?
    /// The connections that the log takes, one for each shard; none without Redis.
    let redis: [RedisClient]
    /// What the bridges of a fleet share, or what outlives this process.
    let inbox: any InboxStore

    /// The log path of a loop.
    ///
    /// - Parameters:
    ///   - process: what tells its bridges from those of others.
    ///   - storage: where a logger of this process writes; asked for active sessions where there is no Redis.
    ///   - isDurable: whether what was acknowledged must outlive the process (`ACK=durable`).
    /// - Throws: `InboxFileError` where that is so and the file cannot be used; a URL of Redis that is none.
    init(
        _ product: ProductConfiguration, loop: EventLoop, process: ProcessIdentity, storage: Storage?,
        isDurable: Bool = false, metrics: Metrics, log: Log
    ) async throws {
        let sessions = SessionDirectory.Configuration(timeToLive: product.sessionTTL)
        let registry: (any SessionRegistry)?
        if let url = product.redisURL {
            let shards = try product.redisShards(url)
            let clients = shards.map { RedisClient(loop: loop, configuration: product.patient($0)) }
            redis = clients
            file = nil
            queue = product.makeQueue(
                loop: loop, shards: shards, clients: clients, claims: storage != nil,
                configuration: product.bridgeQueueConfiguration, log: log)
            let registries = zip(shards, clients).map { shard, client in
                RedisSessionRegistry(client: client, prefix: shard.prefix, configuration: sessions)
            }
            registry = registries.count == 1 ? registries[0] : ShardedSessionRegistry(shards: registries)
            inbox = product.makeInbox(loop: loop, shards: shards, process: process, metrics: metrics, log: log)
        } else {
            redis = []
            let file = try await InboxFile.opened(
                loop: loop, folder: product.spoolDirectory, isRequired: isDurable, log: log)
            self.file = file
            queue = SQLiteJobQueue(file: file, maximumBytes: product.spoolMaxBytes)
            inbox = SQLiteInbox(file: file, log: log)
            registry = storage.map { StoreSessionRegistry(store: $0.store, timeToLive: product.sessionTTL) }
        }
        let spool = Spool(
            configuration: .init(
                directory: product.spoolDirectory, maximumBytes: product.spoolMaxBytes / product.loops),
            log: log)
        buffer = LogBuffer(loop: loop, queue: queue, spool: spool, log: log, metrics: metrics)
        let directory = SessionDirectory(loop: loop, registry: registry, configuration: sessions, log: log)
        recorder = JournalRecorder(loop: loop, buffer: buffer, directory: directory, metrics: metrics)
    }

    /// Hands on what is still here: to the queue, or else to the spool.
    func drain(within limit: Duration) async {
        await recorder.drain()
        await buffer.drain(within: limit)
    }
}

extension ProductConfiguration {
    /// How the logger works; its name is what dead letters are signed with.
    var loggerConfiguration: JournalLogger.Configuration { .init(batch: logBatch, flush: logFlush, name: hostName) }

    /// Names and mode of the queue in Redis.
    var queueConfiguration: RedisJobQueue.Configuration {
        var configuration = RedisJobQueue.Configuration(
            prefix: redisPrefix, mode: logClaim == .brpop ? .brpop : .reliable, name: hostName)
        configuration.lease = lease
        return configuration
    }

    /// What the bridges of a fleet share.
    var inboxConfiguration: RedisInbox.Configuration {
        var configuration = RedisInbox.Configuration(prefix: redisPrefix, name: hostName)
        configuration.lease = lease
        return configuration
    }

    /// The same for the pushing side.
    var bridgeQueueConfiguration: RedisJobQueue.Configuration {
        var configuration = queueConfiguration
        configuration.timeout = ProductConfiguration.patience(isCluster: false)
        return configuration
    }

    /// The machine's name, by which an operator recognises a logger.
    var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "logger" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
