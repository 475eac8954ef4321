public import BridgeCore
internal import EventLoop
public import HTTPClient
public import Telemetry

/// Keeps a platform's gateway connected, and hands its events to the engine as webhooks would.
///
/// What the platform's protocol wants is the session's to say (``GatewaySession``, a state machine); connecting, time, pauses and
/// the closing of sockets are ours. An event is acknowledged once the engine has taken it, and while the engine is full nothing
/// further is read.
public actor GatewayRunner {
    let adapter: any GatewayConnecting
    let bridge: Bridge
    let client: HTTPClient
    let metrics: GatewayMetrics
    let log: Log

    /// The engine's loop, as the actor's executor.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { bridge.loop.asUnownedSerialExecutor() }

    /// Mostly one; two while one takes over from the other.
    private var links: [GatewayLink] = []
    private var waiter: CheckedContinuation<Void, Never>?

    /// A runner for one platform.
    public init(
        adapter: any GatewayConnecting, bridge: Bridge, client: HTTPClient, metrics: Metrics, log: Log
    ) {
        self.adapter = adapter
        self.bridge = bridge
        self.client = client
        self.metrics = GatewayMetrics(metrics, platform: adapter.platform)
        self.log = log.with("adapter.name", adapter.platform.rawValue)
    }

    /// Runs until the task is cancelled, which closes the connection in good order, or until the platform refuses for good.
    public func run() async {
        precondition(links.isEmpty, "a gateway is run once at a time")
        start(takingOverFrom: nil)
        let loop = bridge.loop
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.waiter = continuation
                if Task.isCancelled { self.stop() }
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.stop() } }
        }
    }

    /// Connects a new session; the old one is let go once the new one is open.
    func start(takingOverFrom old: GatewayLink?) {
        let link = GatewayLink(session: adapter.makeGatewaySession(), runner: self, predecessor: old)
        links.append(link)
        link.assumeIsolated { $0.start() }
    }

    /// A link has ended.
    func remove(_ link: GatewayLink) {
        links.removeAll { $0 === link }
        guard links.isEmpty else { return }
        waiter?.resume()
        waiter = nil
    }

    private func stop() {
        for link in links { link.assumeIsolated { $0.stop() } }
    }
}
