import Bridge
import BridgeCore
import EventLoop
import HTTPClient
import HTTPServer
import Journal
import Redis
import Telemetry

/// The process behind `chatbridge logger`: takes jobs from Redis and writes them to the database.
struct LoggerService: Sendable {
    let product: ProductConfiguration
    let redisURL: Secret
    let loop: EventLoop
    let log: Log

    /// Runs until the process is asked to stop; the batch in hand is finished first.
    func run() async throws {
        let signals = StopSignals(loop: loop)
        await signals.listen()
        let metrics = Metrics()
        let storage = try Storage(product.database)
        let shards = try product.redisShards(redisURL)
        let connections = shards.map { RedisClient(loop: loop, configuration: $0.configuration) }
        let queue = product.makeQueue(
            loop: loop, shards: shards, clients: connections, claims: true,
            configuration: product.queueConfiguration, log: log)
        let client = HTTPClient(loop: loop)
        let traces = TracePath(product.tracing, loop: loop, client: client, metrics: metrics, log: log)
        let logger = JournalLogger(
            loop: loop, queue: queue, store: storage.store,
            configuration: product.loggerConfiguration, log: log, metrics: metrics, tracer: traces.tracer)
        if case .sqlite = storage { try await storage.migrate() }
        let server = try await startServer(redis: connections, storage: storage, metrics: metrics)
        let gauges = server.map { _ in
            let gauges = QueueGauges(queue: queue, metrics: metrics, loop: loop)
            return loop.spawn { await gauges.run() }
        }
        log.info("logging", ["database.name": storage.name, "version": Version.number])
        let keeping = PartitionKeeper.start(for: storage, loop: loop, log: log)
        let logging = loop.spawn(on: logger) { await $0.run() }
        await signals.wait()
        log.info("stopping: finishing the batch in hand")
        keeping?.cancel()
        gauges?.cancel()
        await logger.stop()
        if await logger.end(of: logging, within: product.shutdownTimeout) { await storage.close() }
        await traces.drain(within: .seconds(1))
        await client.shutdown()
        await server?.shutdown(deadline: .zero)
        let (written, dead) = (await logger.written, await logger.dead)
        log.info("stopped", ["jobs.written": "\(written)", "jobs.dead": "\(dead)"])
    }

    /// Answers probes and Prometheus on `LOGGER_PORT`; nil where that is not set.
    private func startServer(redis: [RedisClient], storage: Storage, metrics: Metrics) async throws -> HTTPServer? {
        guard let port = product.loggerPort else { return nil }
        let health = HealthEndpoint(
            loop: loop, version: Version.number,
            parts: [.redis(redis, isRequired: true), .database(storage, isRequired: true)])
        var configuration = HTTPServerConfiguration()
        configuration.host = product.host
        configuration.port = UInt16(port)
        configuration.maxConnections = 64
        let router = Routes.observation(health: health, metrics: metrics)
        let server = HTTPServer(on: loop, configuration: configuration) { router.respond(to: $0) }
        try await server.start()
        let bound = await server.port
        log.info("listening", ["url": "http://\(product.host):\(bound)"])
        return server
    }
}

extension JournalLogger {
    /// Waits for the end of a logger that was told to stop; abandons it when the time is over.
    ///
    /// - Returns: false when it has not ended even then: its database does not answer and holds it up. What it has claimed is taken
    ///   over by another, or by the next run.
    func end(of logging: Task<Void, Never>, within limit: Duration) async -> Bool {
        final class End: @unchecked Sendable {
            // Unchecked: touched on the loop alone.
            var hasCome = false
        }
        let end = End()
        loop.spawn(on: self) { _ in
            await logging.value
            end.hasCome = true
        }
        let deadline = ContinuousClock.now + limit
        while !end.hasCome, ContinuousClock.now < deadline { try? await loop.sleep(for: .milliseconds(5)) }
        if end.hasCome { return true }
        abandon()
        let last = ContinuousClock.now + .seconds(3)
        while !end.hasCome, ContinuousClock.now < last { try? await loop.sleep(for: .milliseconds(5)) }
        return end.hasCome
    }
}
