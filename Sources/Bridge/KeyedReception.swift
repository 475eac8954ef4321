internal import BridgeCore
internal import EventLoop
internal import HTTPClient
internal import HTTPCore
internal import Telemetry

/// Verifies webhooks with the keys that a platform publishes: fetched when they are first needed, daily, and when one is missing.
protocol KeyedReceiving: Actor {
    /// What the adapter says with the keys at hand.
    ///
    /// - Throws: also ``WebhookRejection/Reason/unknownKey`` while there are no keys: ``refresh()`` and try once more.
    func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome

    /// Fetches the keys, unless that was done a moment ago; false when there are still none.
    func refresh() async -> Bool
}

/// The one implementation, for the adapter's own type of keys.
actor KeyedReception<Platform: PublishedKeyVerifying>: KeyedReceiving {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let adapter: Platform
    private let client: HTTPClient
    private let log: Log
    private var keys: Platform.Keys?
    private var fetchedAt: ContinuousClock.Instant?
    private var triedAt: ContinuousClock.Instant?
    private var fetch: Task<Void, Never>?

    init(adapter: Platform, client: HTTPClient, loop: EventLoop, log: Log) {
        self.adapter = adapter
        self.client = client
        self.loop = loop
        self.log = log.with("adapter.name", adapter.platform.rawValue)
    }

    func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard let keys else { throw WebhookRejection(.unknownKey, "the platform's keys are not at hand") }
        // Old keys do while new ones are on their way.
        if let fetchedAt, fetchedAt.duration(to: .now) > KeyPolicy.lifetime, mayFetch { startFetch() }
        return try adapter.receive(request, keys: keys, at: now)
    }

    func refresh() async -> Bool {
        if mayFetch { startFetch() }
        await fetch?.value
        return keys != nil
    }

    /// Anybody can send a forged key id: the platform is not asked for each of them.
    private var mayFetch: Bool {
        fetch == nil && (triedAt.map { $0.duration(to: .now) >= KeyPolicy.pause } ?? true)
    }

    private func startFetch() {
        triedAt = .now
        fetch = loop.spawn(on: self) { await $0.fetchKeys() }
    }

    private func fetchKeys() async {
        defer { fetch = nil }
        do {
            let response = try await client.send(
                HTTPClientRequest(
                    method: .get, url: adapter.keysURL, headers: ["Accept": "application/json"],
                    timeouts: .init(firstByte: .seconds(10), total: .seconds(10)), maxResponseBytes: 1 << 20))
            guard response.status.isSuccess, let keys = adapter.parseKeys(response.body) else {
                return log.error("the platform's keys are unreadable", ["status": "\(response.status)"])
            }
            self.keys = keys
            fetchedAt = .now
        } catch {
            log.error("the platform's keys could not be fetched", ["reason": error.message])
        }
    }
}

extension KeyedReceiving {
    /// The same for callers on its loop.
    nonisolated func receiveOnLoop(
        _ request: WebhookRequest, at now: Timestamp
    ) throws(WebhookRejection) -> WebhookOutcome {
        let result: Result<WebhookOutcome, WebhookRejection> = assumeIsolated { reception in
            do throws(WebhookRejection) {
                return .success(try reception.receive(request, at: now))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// The reception of an adapter, whatever the type of its keys.
func makeKeyedReception<Platform: PublishedKeyVerifying>(
    _ adapter: Platform, client: HTTPClient, loop: EventLoop, log: Log
) -> any KeyedReceiving {
    KeyedReception(adapter: adapter, client: client, loop: loop, log: log)
}

/// How often published keys are fetched.
private enum KeyPolicy {
    /// Microsoft asks for a refresh at least every 24 hours (Bot Connector authentication); Google's certificates live about as long.
    static let lifetime = Duration.seconds(86_400)
    /// The least time between two fetches.
    static let pause = Duration.seconds(30)
}
