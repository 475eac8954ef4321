import Bridge
import EventLoop
import HTTPClient
import Journal
import Redis
import Telemetry

/// What one loop of a bridge has to itself: an engine with its client, its log path and its traces.
struct BridgeStack: Sendable {
    /// What the loops of a process have in common.
    struct Common: Sendable {
        let product: ProductConfiguration
        let process: ProcessIdentity
        let states: FileStateStore
        let breaker: AgentBreaker?
        let metrics: Metrics
        let log: Log
    }

    let loop: EventLoop
    let path: LogPath
    let client: HTTPClient
    let traces: TracePath
    let bridge: Bridge

    /// A stack whose log is connected; its engine does not take anything yet.
    ///
    /// Call it on its loop.
    ///
    /// - Parameters:
    ///   - storage: where a logger of this process writes.
    ///   - first: the first stack of the process, where this is another.
    init(_ common: Common, on loop: EventLoop, storage: Storage?, after first: BridgeStack?) async throws {
        let (product, metrics, log) = (common.product, common.metrics, common.log)
        self.loop = loop
        path = try await LogPath(
            product, loop: loop, process: common.process, storage: storage,
            isDurable: product.bridge.acknowledgement == .durable, metrics: metrics, log: log)
        for client in path.redis { await client.connect() }
        await path.buffer.start()
        client = HTTPClient(loop: loop, configuration: .init(allowsPrivateAddresses: product.allowsPrivateAddresses))
        traces = TracePath(product.tracing, loop: loop, client: client, metrics: metrics, log: log)
        let agent = product.makeAgent()
        bridge = Bridge(
            loop: loop, configuration: product.bridge, adapters: product.adapters,
            agent: common.breaker.map { GuardedAgent(agent, breaker: $0) } ?? agent,
            client: client, states: common.states, recorder: path.recorder, inbox: path.inbox,
            attachments: product.attachmentStorage(client), metrics: metrics, log: log, tracer: traces.tracer,
            after: first?.bridge)
    }

    /// The stacks of a process, the first one on the given loop and each other on a loop of its own.
    static func all(_ common: Common, first loop: EventLoop, storage: Storage?) async throws -> [BridgeStack] {
        let first = try await BridgeStack(common, on: loop, storage: storage, after: nil)
        var stacks = [first]
        for number in 1..<max(1, common.product.loops) {
            let loop = try EventLoop()
            loop.startThread(name: "loop-\(number)")
            stacks.append(
                try await loop.perform { try await BridgeStack(common, on: loop, storage: nil, after: first) })
        }
        guard stacks.count > 1 else { return stacks }
        let group = BridgeGroup(stacks.map(\.bridge))
        for stack in stacks { await stack.bridge.join(group) }
        return stacks
    }

    /// Takes over what was left to this engine; it takes events from then on.
    func start() async {
        await loop.perform { await bridge.start() }
    }

    /// Ends the engine's work.
    ///
    /// - Returns: how many questions were given up.
    func drain(within limit: Duration) async -> Int {
        await loop.perform { await bridge.drain(deadline: limit) }
    }

    /// Hands on what is left of log and traces, and closes all connections to others but those of the log.
    func close(by deadline: ContinuousClock.Instant) async {
        await loop.perform {
            // Even after the deadline the log gets a moment: what is in memory is lost otherwise.
            await path.drain(within: max(ContinuousClock.now.duration(to: deadline), .seconds(1)))
            await traces.drain(within: max(ContinuousClock.now.duration(to: deadline), .seconds(1)))
            await client.shutdown()
        }
    }
}
