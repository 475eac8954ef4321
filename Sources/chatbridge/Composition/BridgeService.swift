import Bridge
import BridgeCore
import Dashboard
import EventLoop
import HTTPClient
import HTTPServer
import Journal
import ObjectStorage
import ProcessMemory
import Redis
import Telemetry

/// The process behind `chatbridge serve` and, with a logger in it, `chatbridge run`.
struct BridgeService: Sendable {
    /// When the start is over in every part, connections to others included.
    private static let startTime = Duration.milliseconds(300)

    let product: ProductConfiguration
    let hasLogger: Bool
    let loop: EventLoop
    let log: Log
    let metrics = Metrics()

    /// Runs until the process is asked to stop, and leaves nothing behind that could be handed on.
    func run() async throws {
        let signals = StopSignals(loop: loop)
        await signals.listen()
        let storage = hasLogger ? try Storage(product.database) : nil
        if let storage { await prepare(storage) }
        let path = try await LogPath(
            product, loop: loop, storage: storage, isDurable: product.bridge.acknowledgement == .durable,
            metrics: metrics, log: log)
        for client in path.redis { await client.connect() }
        await path.buffer.start()
        let client = HTTPClient(
            loop: loop, configuration: .init(allowsPrivateAddresses: product.allowsPrivateAddresses))
        let states = FileStateStore(directory: product.spoolDirectory)
        let traces = TracePath(product.tracing, loop: loop, client: client, metrics: metrics, log: log)
        let breaker = product.agentFailures.map { AgentBreaker(failures: $0, metrics: metrics, log: log) }
        let agent = product.makeAgent()
        let bridge = Bridge(
            loop: loop, configuration: product.bridge, adapters: product.adapters,
            agent: breaker.map { GuardedAgent(agent, breaker: $0) } ?? agent,
            client: client, states: states, recorder: path.recorder, inbox: path.inbox,
            attachments: product.attachmentStorage(client), metrics: metrics, log: log, tracer: traces.tracer)
        let reader = try storage ?? attachmentReader()
        let server = makeServer(
            bridge: bridge, breaker: breaker, path: path, storage: storage, client: client, reader: reader)
        // Before anybody can reach us: the first event is to meet an inbox that is ready.
        await bridge.start()
        try await server.start()
        await announce(server)

        let logger = storage.map { makeLogger(path: path, storage: $0, traces: traces) }
        let logging = logger.map { logger in loop.spawn(on: logger) { await $0.run() } }
        let keeping = storage.flatMap { PartitionKeeper.start(for: $0, loop: loop, log: log) }
        let background = startBackground(bridge: bridge, client: client, states: states, path: path)

        loop.spawn { [loop] in
            try? await loop.sleep(for: BridgeService.startTime)
            ProcessMemory.dropStartPages()
        }
        await signals.wait()
        log.info("stopping: finishing what is in work")
        for task in background + [keeping].compactMap(\.self) { task.cancel() }
        let deadline = ContinuousClock.now + product.shutdownTimeout
        // Answers at our own endpoints come from the engine: both drain side by side.
        async let connections: Void = server.shutdown(deadline: product.shutdownTimeout)
        let given = await bridge.drain(deadline: product.shutdownTimeout)
        await connections
        if given > 0 { log.warning("the deadline has passed: questions were given up", ["count": "\(given)"]) }
        let hasEnded = await finishLog(path: path, logger: logger, logging: logging, deadline: deadline)
        await traces.drain(within: max(ContinuousClock.now.duration(to: deadline), .seconds(1)))
        await client.shutdown()
        if hasEnded { await reader?.close() }
        log.info("stopped")
    }

    /// Tables are made under `run`, so that nothing has to be set up first; a database that is away is waited for later.
    private func prepare(_ storage: Storage) async {
        do {
            try await storage.migrate()
        } catch {
            log.error(
                "the database is not ready: messages wait in the queue until it is",
                ["database.name": storage.name, "reason": "\(error)"])
        }
    }

    /// A bridge without a logger in it looks into Postgres for the keys of attachments, and for nothing else.
    private func attachmentReader() throws -> Storage? {
        guard product.attachments != nil, case .postgres = product.database else { return nil }
        return try Storage(product.database)
    }

    private func makeServer(
        bridge: Bridge, breaker: AgentBreaker?, path: LogPath, storage: Storage?, client: HTTPClient, reader: Storage?
    ) -> HTTPServer {
        let access = APIAccess(
            token: product.apiToken?.value, hasChatPage: product.isWebEnabled,
            allowedOrigins: product.webAllowedOrigins, visitorRate: product.webRateLimit,
            proxies: product.trustedProxies)
        let routes = Routes(
            webhooks: WebhookEndpoint(bridge: bridge, proxies: product.trustedProxies),
            messages: MessagesEndpoint(bridge: bridge, access: access, platform: PlatformName("web")),
            simulation: SimulationEndpoint(bridge: bridge, access: access),
            attachments: product.attachmentStorage(client).flatMap { attachments in
                reader.map { AttachmentsEndpoint(store: attachments.store, messages: $0.lookup, access: access) }
            },
            trace: TraceEndpoint(bridge: bridge, access: access),
            revival: RevivalEndpoint(bridge: bridge, access: access),
            health: HealthEndpoint(
                loop: loop, version: Version.number,
                parts: healthParts(bridge: bridge, breaker: breaker, path: path, storage: storage)),
            metrics: metrics, hasChatPage: product.isWebEnabled)
        var configuration = HTTPServerConfiguration()
        configuration.host = product.host
        configuration.port = UInt16(product.port)
        configuration.limits.maxBodyBytes = product.maxBodyBytes
        configuration.maxConnections = DescriptorLimit.connections(atMost: product.maxConnections)
        configuration.maxBufferedBytes = max(configuration.maxBufferedBytes, 4 * product.maxBodyBytes)
        let router = routes.router
        return HTTPServer(on: loop, configuration: configuration) { router.respond(to: $0) }
    }

    private func healthParts(
        bridge: Bridge, breaker: AgentBreaker?, path: LogPath, storage: Storage?
    ) -> [HealthEndpoint.Part] {
        var parts = [
            HealthEndpoint.Part(name: "bridge", isRequired: true) {
                let isAccepting = await bridge.isAccepting
                return .init(isHealthy: isAccepting, detail: isAccepting ? "taking messages" : "full or stopping")
            },
            HealthEndpoint.Part(name: "log", isRequired: false) {
                let isAway = await path.buffer.isSpoolInUse
                return .init(isHealthy: !isAway, detail: isAway ? "the queue is away, jobs are spooled" : "ok")
            },
        ]
        if let breaker { parts.append(HealthEndpoint.Part(name: "agent", isRequired: false) { breaker.finding }) }
        if !path.redis.isEmpty { parts.append(.redis(path.redis, isRequired: false)) }
        if let storage { parts.append(.database(storage, isRequired: false)) }
        return parts
    }

    private func announce(_ server: HTTPServer) async {
        let port = await server.port
        let platforms = product.adapters.map(\.platform.rawValue).joined(separator: ",")
        log.info(
            "listening",
            [
                "url": "http://\(product.host):\(port)", "platforms": platforms,
                "agent.name": product.agent.name, "version": Version.number,
            ])
    }

    private func makeLogger(path: LogPath, storage: Storage, traces: TracePath) -> JournalLogger {
        JournalLogger(
            loop: loop, queue: path.queue, store: storage.store,
            configuration: product.loggerConfiguration, log: log, metrics: metrics, tracer: traces.tracer)
    }

    private func startBackground(
        bridge: Bridge, client: HTTPClient, states: any StateStore, path: LogPath
    ) -> [Task<Void, Never>] {
        var tasks = product.adapters.compactMap { $0 as? any LongPolling }.filter(\.isPollingEnabled).map {
            adapter in
            let poller = Poller(adapter: adapter, bridge: bridge, client: client, states: states, log: log)
            return loop.spawn { await poller.run() }
        }
        tasks += product.adapters.compactMap { $0 as? any GatewayConnecting }.filter(\.isGatewayEnabled).map {
            adapter in
            let runner = GatewayRunner(adapter: adapter, bridge: bridge, client: client, metrics: metrics, log: log)
            return loop.spawn { await runner.run() }
        }
        let gauges = QueueGauges(queue: path.queue, metrics: metrics, loop: loop)
        tasks.append(loop.spawn { await gauges.run() })
        return tasks
    }

    /// - Returns: false when the database holds the logger up and is not to be waited for.
    private func finishLog(
        path: LogPath, logger: JournalLogger?, logging: Task<Void, Never>?, deadline: ContinuousClock.Instant
    ) async -> Bool {
        // Even after the deadline the log gets a moment: what is in memory is lost otherwise.
        let limit = max(ContinuousClock.now.duration(to: deadline), .seconds(1))
        await path.drain(within: limit)
        guard let logger, let logging else { return true }
        await logger.stop(whenEmpty: path.file != nil)
        let hasEnded = await logger.end(of: logging, within: limit)
        if let rest = await path.file?.unsavedJobs(), !rest.isEmpty { await path.buffer.spool(rest) }
        await path.file?.close()
        return hasEnded
    }
}
