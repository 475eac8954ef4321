import Bridge
import BridgeCore
import Dashboard
import EventLoop
import HTTPCore
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
        let common = BridgeStack.Common(
            product: product, process: try ProcessIdentity(product),
            states: FileStateStore(directory: product.spoolDirectory),
            breaker: product.agentFailures.map { AgentBreaker(failures: $0, metrics: metrics, log: log) },
            metrics: metrics, log: log)
        let stacks = try await BridgeStack.all(common, first: loop, storage: storage)
        let (path, traces) = (stacks[0].path, stacks[0].traces)
        let reader = try storage ?? attachmentReader()
        // Before anybody can reach us: the first event is to meet an inbox that is ready.
        await eachSideBySide(stacks) { await $0.start() }
        let servers = try await startServers(stacks, breaker: common.breaker, storage: storage, reader: reader)
        await announce(servers[0])

        let logger = storage.map { makeLogger(path: path, storage: $0, traces: traces) }
        let logging = logger.map { logger in loop.spawn(on: logger) { await $0.run() } }
        let keeping = storage.flatMap { PartitionKeeper.start(for: $0, loop: loop, log: log) }
        let background = startBackground(stacks[0], states: common.states)

        loop.spawn { [loop] in
            try? await loop.sleep(for: BridgeService.startTime)
            ProcessMemory.dropStartPages()
        }
        await signals.wait()
        log.info("stopping: finishing what is in work")
        for task in background + [keeping].compactMap(\.self) { task.cancel() }
        let deadline = ContinuousClock.now + product.shutdownTimeout
        // Answers at our own endpoints come from the engine: both drain side by side.
        async let connections: Void = eachSideBySide(servers) { server in
            await server.loop.perform { await server.shutdown(deadline: product.shutdownTimeout) }
        }
        let given = await drain(stacks)
        await connections
        if given > 0 { log.warning("the deadline has passed: questions were given up", ["count": "\(given)"]) }
        await eachSideBySide(Array(stacks.dropFirst())) { await $0.close(by: deadline) }
        let hasEnded = await finishLog(path: path, logger: logger, logging: logging, deadline: deadline)
        await stacks[0].close(by: deadline)
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

    /// A server for each loop, all at one port: the kernel deals out the connections.
    private func startServers(
        _ stacks: [BridgeStack], breaker: AgentBreaker?, storage: Storage?, reader: Storage?
    ) async throws -> [HTTPServer] {
        var configuration = HTTPServerConfiguration()
        configuration.host = product.host
        configuration.port = UInt16(product.port)
        configuration.limits.maxBodyBytes = product.maxBodyBytes
        configuration.maxConnections = DescriptorLimit.connections(atMost: product.maxConnections) / stacks.count
        configuration.maxBufferedBytes = max(
            configuration.maxBufferedBytes / stacks.count, 4 * product.maxBodyBytes)
        if stacks.count > 1 {
            configuration.port = try await freePort(configuration)
            configuration.reusesPort = true
        }
        let router = makeRoutes(stacks, breaker: breaker, storage: storage, reader: reader).router
        var servers: [HTTPServer] = []
        for stack in stacks {
            let server = HTTPServer(
                on: stack.loop, configuration: configuration, handler: handler(of: stack, router: router))
            try await server.start()
            servers.append(server)
        }
        return servers
    }

    /// The port to listen at, by taking it for a moment: one that is shared would be shared with another process as well.
    private func freePort(_ configuration: HTTPServerConfiguration) async throws -> UInt16 {
        let server = HTTPServer(on: loop, configuration: configuration) { _ in
            .now(.error(.serviceUnavailable, code: "starting", message: "The bridge is starting; try again."))
        }
        try await server.start()
        let port = await server.port
        await server.shutdown(deadline: .zero)
        return port
    }

    private func makeRoutes(
        _ stacks: [BridgeStack], breaker: AgentBreaker?, storage: Storage?, reader: Storage?
    ) -> Routes {
        let access = APIAccess(
            token: product.apiToken?.value, hasChatPage: product.isWebEnabled,
            allowedOrigins: product.webAllowedOrigins, visitorRate: product.webRateLimit,
            proxies: product.trustedProxies)
        let (bridge, client) = (stacks[0].bridge, stacks[0].client)
        return Routes(
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
                parts: healthParts(stacks, breaker: breaker, storage: storage)),
            metrics: metrics, hasChatPage: product.isWebEnabled)
    }

    /// What a loop answers: the first one everything, others webhooks, and the rest by the first.
    private func handler(
        of stack: BridgeStack, router: HTTPRouter
    ) -> @Sendable (HTTPRequest) -> HTTPResult {
        if stack.loop === loop { return { router.respond(to: $0) } }
        var own = HTTPRouter()
        Routes.add(WebhookEndpoint(bridge: stack.bridge, proxies: product.trustedProxies), to: &own)
        return { [own, loop] request in
            if request.path.hasPrefix("/webhooks/") { return own.respond(to: request) }
            return .later {
                await loop.perform {
                    switch router.respond(to: request) {
                    case .now(let response): response
                    case .later(let work): await work()
                    // None of our paths has another protocol.
                    case .upgrade: .error(.notFound, code: "not_found", message: "There is nothing at this path.")
                    }
                }
            }
        }
    }

    private func healthParts(
        _ stacks: [BridgeStack], breaker: AgentBreaker?, storage: Storage?
    ) -> [HealthEndpoint.Part] {
        var parts = [
            HealthEndpoint.Part(name: "bridge", isRequired: true) {
                var isAccepting = true
                for stack in stacks where await !stack.bridge.isAccepting { isAccepting = false }
                return .init(isHealthy: isAccepting, detail: isAccepting ? "taking messages" : "full or stopping")
            },
            HealthEndpoint.Part(name: "log", isRequired: false) {
                var isAway = false
                for stack in stacks where await stack.path.buffer.isSpoolInUse { isAway = true }
                return .init(isHealthy: !isAway, detail: isAway ? "the queue is away, jobs are spooled" : "ok")
            },
        ]
        if let breaker { parts.append(HealthEndpoint.Part(name: "agent", isRequired: false) { breaker.finding }) }
        if !stacks[0].path.redis.isEmpty { parts.append(.redis(stacks[0].path.redis, isRequired: false)) }
        if let storage { parts.append(.database(storage, isRequired: false)) }
        return parts
    }

    /// The same with each at once.
    private func eachSideBySide<Element: Sendable>(
        _ elements: [Element], _ body: @escaping @Sendable (Element) async -> Void
    ) async {
        await withTaskGroup { group in
            for element in elements { group.addTask { await body(element) } }
        }
    }

    /// - Returns: how many questions were given up.
    private func drain(_ stacks: [BridgeStack]) async -> Int {
        let limit = product.shutdownTimeout
        return await withTaskGroup(of: Int.self) { group in
            for stack in stacks { group.addTask { await stack.drain(within: limit) } }
            return await group.reduce(0, +)
        }
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

    private func startBackground(_ stack: BridgeStack, states: any StateStore) -> [Task<Void, Never>] {
        let (bridge, client, path) = (stack.bridge, stack.client, stack.path)
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
