internal import BridgeCore
internal import EventLoop
internal import HTTPClient
internal import HTTPCore

/// Fetches the description of an agent that has one, once for all who ask, and keeps what came of it for an hour.
///
/// Lives on the loop of the engine.
actor AgentFinder {
    /// How long a description is believed.
    private static let lifetime = Duration.seconds(3600)
    /// How long one that is in doubt serves before it is looked for again, when looking for it has failed.
    private static let patience = Duration.seconds(30)
    private static let maximumBytes = 1 << 20

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let agent: any AgentDiscovering
    private let client: HTTPClient
    private let timeout: Duration
    private var found: Result<any Agent, AgentFailure>?
    /// When to look again.
    private var expiry = ContinuousClock.now
    private var search: Task<Void, Never>?

    /// - Parameter timeout: for each place where the description may be.
    init(_ agent: any AgentDiscovering, client: HTTPClient, timeout: Duration) {
        self.agent = agent
        self.client = client
        self.timeout = min(timeout, .seconds(10))
        loop = client.loop
    }

    /// The agent as it describes itself.
    ///
    /// - Throws: `AgentFailure` when there never was a description, and there is none now.
    func find() async throws(AgentFailure) -> any Agent {
        if found == nil || ContinuousClock.now >= expiry {
            let search = search ?? loop.spawn(on: self) { await $0.look() }
            self.search = search
            await search.value
        }
        guard let found else { throw AgentFailure(.unreachable, "the agent's description was not fetched") }
        return try found.get()
    }

    /// The agent did not answer as its description says: it may have moved.
    func doubt() {
        expiry = .now
    }

    private func look() async {
        defer { search = nil }
        var failure: AgentFailure?
        for request in agent.discoveryRequests {
            do throws(AgentFailure) {
                found = .success(try agent.discovered(try await fetch(request)))
                expiry = .now + AgentFinder.lifetime
                return
            } catch {
                // The first place is where the agent should be; what the others say is of less help.
                failure = failure ?? error
            }
        }
        if case .success = found {
            expiry = .now + AgentFinder.patience
        } else {
            found = .failure(failure ?? AgentFailure(.unreachable, "nowhere to look for the agent's description"))
            expiry = .now
        }
    }

    private func fetch(_ request: OutboundRequest) async throws(AgentFailure) -> OutboundResponse {
        do {
            let response = try await client.send(
                HTTPClientRequest(
                    method: request.method, url: request.url, headers: request.headers, body: request.body,
                    timeouts: .init(firstByte: timeout, idle: timeout, total: timeout),
                    maxResponseBytes: AgentFinder.maximumBytes))
            return OutboundResponse(
                status: response.status, headers: .init { response.header($0) }, body: response.body)
        } catch {
            throw AgentFailure(error)
        }
    }
}
