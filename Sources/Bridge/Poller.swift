public import BridgeCore
internal import EventLoop
public import HTTPClient
public import Telemetry

/// Fetches the events of a platform that is asked for them, and hands them to the engine as webhooks would.
///
/// The cursor moves on once the engine has taken the events: what a crash interrupts is fetched again.
public struct Poller: Sendable {
    /// Longer than any platform holds a poll open.
    private static let timeouts = HTTPClientRequest.Timeouts(
        firstByte: .seconds(90), idle: .seconds(30), total: .seconds(120))
    private static let longestPause = Duration.seconds(30)
    /// A poll that brings nothing and does not wait either is made again after this time.
    private static let emptyPause = Duration.seconds(1)

    private let adapter: any LongPolling
    private let bridge: Bridge
    private let client: HTTPClient
    private let states: any StateStore
    private let log: Log

    /// A poller for one platform.
    public init(
        adapter: any LongPolling, bridge: Bridge, client: HTTPClient, states: any StateStore, log: Log
    ) {
        self.adapter = adapter
        self.bridge = bridge
        self.client = client
        self.states = states
        self.log = log.with("adapter.name", adapter.platform.rawValue)
    }

    /// Polls until the task is cancelled.
    ///
    /// Runs on the engine's loop.
    public func run() async {
        var pause = Duration.zero
        var cursor: String?
        do {
            cursor = try await states.value(of: stateName)
        } catch {
            log.error("cursor unreadable, starting from what the platform still has", ["reason": "\(error)"])
        }
        log.info("polling")
        while !Task.isCancelled {
            let start = ContinuousClock.now
            switch await poll(after: cursor) {
            case .events(let events, let next):
                pause = .zero
                guard await hand(events) else { return }
                if let next, next != cursor {
                    cursor = next
                    await store(next)
                } else if start.duration(to: .now) < Poller.emptyPause {
                    try? await bridge.loop.sleep(for: Poller.emptyPause)
                }
            case .failed(let failure):
                if Task.isCancelled { return }
                if case .rateLimited(let after?) = failure.kind { pause = after } else { pause = longer(than: pause) }
                log.warning("polling failed", ["reason": failure.reason, "retry.after": "\(pause)"])
                try? await bridge.loop.sleep(for: pause)
            }
        }
    }

    private func poll(after cursor: String?) async -> PollOutcome {
        let request = adapter.poll(after: cursor)
        do {
            let response = try await client.send(
                HTTPClientRequest(
                    method: request.method, url: request.url, headers: request.headers, body: request.body,
                    timeouts: Poller.timeouts, maxResponseBytes: 16 << 20))
            return adapter.interpretPoll(
                OutboundResponse(status: response.status, headers: .init { response.header($0) }, body: response.body))
        } catch {
            return .failed(DeliveryFailure(.temporary, reason: error.message))
        }
    }

    /// Gives the events to the engine, one by one, waiting while it has no room; false when the task was cancelled.
    private func hand(_ events: [InboundEvent]) async -> Bool {
        for event in events {
            while !(await bridge.take([event], from: adapter.platform)) {
                do { try await bridge.loop.sleep(for: .milliseconds(200)) } catch { return false }
            }
        }
        return true
    }

    private func store(_ cursor: String) async {
        do {
            try await states.store(cursor, of: stateName)
        } catch {
            log.error("cursor not stored: after a restart, messages may be fetched again", ["reason": "\(error)"])
        }
    }

    private var stateName: String { "\(adapter.platform).cursor" }

    private func longer(than pause: Duration) -> Duration {
        min(max(pause * 2, .seconds(1)), Poller.longestPause)
    }
}
