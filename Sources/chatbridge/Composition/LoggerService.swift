import EventLoop
import Journal
import Redis
import Telemetry

/// The process behind `chatbridge logger`: takes jobs from Redis and writes them to the database.
struct LoggerService: Sendable {
    let product: ProductConfiguration
    let redisURL: String
    let loop: EventLoop
    let log: Log

    /// Runs until the process is asked to stop; the batch in hand is finished first.
    func run() async throws {
        let metrics = Metrics()
        let storage = try Storage(product.database)
        let redis = try RedisConfiguration(url: redisURL)
        let queue = RedisJobQueue(
            loop: loop, client: RedisClient(loop: loop, configuration: redis),
            blockingClient: RedisClient(loop: loop, configuration: redis), configuration: product.queueConfiguration,
            log: log)
        let logger = JournalLogger(
            loop: loop, queue: queue, store: storage.store,
            configuration: product.loggerConfiguration, log: log, metrics: metrics)
        if case .sqlite = storage { try await storage.migrate() }
        log.info("logging", ["database.name": storage.name, "version": Version.number])
        let logging = loop.spawn(on: logger) { await $0.run() }
        await StopSignals(loop: loop).wait()
        log.info("stopping: finishing the batch in hand")
        await logger.stop()
        let timer = loop.spawn { [loop, product] in
            try? await loop.sleep(for: product.shutdownTimeout)
            if !Task.isCancelled { await logger.abandon() }
        }
        await logging.value
        timer.cancel()
        await storage.close()
        let (written, dead) = (await logger.written, await logger.dead)
        log.info("stopped", ["jobs.written": "\(written)", "jobs.dead": "\(dead)"])
    }
}
