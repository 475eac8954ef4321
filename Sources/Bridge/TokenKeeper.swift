public import BridgeCore
public import EventLoop
public import HTTPClient
public import Telemetry

/// Keeps a platform's access token good: asks for it, renews it in time, and has on disk what the next one depends on.
///
/// One request at a time, whoever asks: many platforms' refresh tokens work once.
public actor TokenKeeper {
    /// A token is renewed when this part of its time is left, so that none ends on its way.
    private static let renewalShare = 5
    /// Tries of one renewal; with the pauses between they span some seven seconds.
    private static let attempts = 4
    /// After a renewal that failed, the next comes after this time, if nobody needs it sooner.
    private static let pause = Duration.seconds(30)

    /// The loop on which all of it runs.
    public nonisolated let loop: EventLoop
    /// The loop's.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let adapter: any TokenRefreshing
    private let client: HTTPClient
    private let store: any StateStore
    private let log: Log
    private var current: AccessToken?
    private var renewAt: Timestamp?
    /// The current token was refused: it is not even used while a new one cannot be had.
    private var isDiscarded = false
    private var isRestored = false
    private var renewal: Task<Void, Never>?
    private var failure = DeliveryFailure(.temporary, reason: "no token yet")

    /// A keeper of one platform's token, which asks for nothing before it must.
    public init(
        adapter: any TokenRefreshing, client: HTTPClient, store: any StateStore, loop: EventLoop, log: Log
    ) {
        self.adapter = adapter
        self.client = client
        self.store = store
        self.loop = loop
        self.log = log.with("adapter.name", adapter.platform.rawValue)
    }

    /// A token that is good now.
    ///
    /// - Throws: why there is none.
    public func token() async throws(DeliveryFailure) -> Secret {
        if !isRestored { await restore() }
        if let renewAt, Timestamp.now() >= renewAt { startRenewal() }
        // An old one does to its end: nobody waits for the next.
        if let good { return good }
        startRenewal()
        await renewal?.value
        guard let good else { throw failure }
        return good
    }

    private var good: Secret? {
        guard let current, !isDiscarded, current.expiresAt.map({ Timestamp.now() < $0 }) ?? true else { return nil }
        return current.value
    }

    private func startRenewal() {
        guard renewal == nil else { return }
        renewal = loop.spawn(on: self) { await $0.renew() }
    }

    /// The platform refuses this token: the next one that is asked for is new.
    public func discard(_ token: Secret) {
        // Somebody else may have renewed it meanwhile.
        if current?.value.value == token.value { isDiscarded = true }
    }

    private func restore() async {
        do {
            let stored = try await store.value(of: stateName)
            // Another caller was faster while the disk was read.
            guard !isRestored else { return }
            isRestored = true
            if let stored, let token = adapter.token(from: stored) { return take(token, stored: stored) }
        } catch {
            isRestored = true
            log.error("the kept token is unreadable, starting from the configured one", ["reason": "\(error)"])
        }
        if let token = adapter.initialToken { take(token, stored: token.stored?.value) }
    }

    private func renew() async {
        defer { renewal = nil }
        if await adoptStored() { return }
        for attempt in 1...TokenKeeper.attempts {
            switch await fetchOnce() {
            case .token(let token):
                do {
                    if let stored = token.stored { try await store.store(stored.value, of: stateName) }
                } catch {
                    // Used all the same: the platform has taken the old one back already.
                    log.error(
                        "the new token is not on disk: after a restart somebody has to authorise the bot again",
                        ["reason": "\(error)"])
                }
                return take(token, stored: token.stored?.value)
            case .failed(let reason):
                failure = reason
                guard reason.isTemporary, attempt < TokenKeeper.attempts else { break }
                do { try await loop.sleep(for: .seconds(1) * (1 << (attempt - 1))) } catch { break }
                continue
            }
            break
        }
        log.error("no access token", ["reason": failure.reason])
        if renewAt != nil { renewAt = Timestamp.now().advanced(by: TokenKeeper.pause) }
    }

    /// Takes over what another process has renewed meanwhile (`chatbridge doctor` beside the bridge): the refresh token
    /// that we know is spent then.
    ///
    /// - Returns: true when its token is good.
    private func adoptStored() async -> Bool {
        guard let stored = try? await store.value(of: stateName), stored != current?.stored?.value,
            let token = adapter.token(from: stored)
        else { return false }
        take(token, stored: stored)
        return good != nil
    }

    private func fetchOnce() async -> TokenOutcome {
        let stored = current?.stored?.value
        let request = adapter.tokenRequest(stored: stored, at: .now())
        do {
            let response = try await client.send(
                HTTPClientRequest(
                    method: request.method, url: request.url, headers: request.headers, body: request.body,
                    timeouts: .init(firstByte: .seconds(15), total: .seconds(15)), maxResponseBytes: 1 << 20))
            return adapter.interpretToken(
                OutboundResponse(status: response.status, headers: .init { response.header($0) }, body: response.body),
                stored: stored, at: .now())
        } catch {
            // A refresh token that works once may be spent: to try it again costs nothing, to use another is not in our power.
            return .failed(DeliveryFailure(.temporary, reason: error.message))
        }
    }

    private func take(_ token: AccessToken, stored: String?) {
        current = token
        isDiscarded = false
        if current?.stored == nil { current?.stored = stored.map { Secret($0) } }
        renewAt = token.expiresAt.map { end in
            let rest = end.duration(since: .now())
            return end.advanced(by: .zero - rest / TokenKeeper.renewalShare)
        }
    }

    private var stateName: String { "\(adapter.platform).token" }
}
