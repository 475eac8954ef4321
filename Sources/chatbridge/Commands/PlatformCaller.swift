import Bridge
import BridgeCore
import EventLoop
import HTTPClient
import Telemetry

/// Makes single requests to a platform for the operator's commands, with an access token where the platform asks for one.
struct PlatformCaller: Sendable {
    /// Why there is no answer.
    struct Problem: Error {
        let message: String
    }

    private static let limit = Duration.seconds(15)

    let adapter: any Adapter
    let client: HTTPClient
    private let tokens: TokenKeeper?

    /// A caller with a client of its own.
    init(adapter: any Adapter, loop: EventLoop, stateDirectory: String, log: Log) {
        self.init(adapter: adapter, client: HTTPClient(loop: loop), stateDirectory: stateDirectory, log: log)
    }

    init(adapter: any Adapter, client: HTTPClient, stateDirectory: String, log: Log) {
        self.adapter = adapter
        self.client = client
        tokens = (adapter as? any TokenRefreshing).map { adapter in
            TokenKeeper(
                adapter: adapter, client: client, store: FileStateStore(directory: stateDirectory), loop: client.loop,
                log: log)
        }
    }

    /// The platform's answer.
    func call(_ request: OutboundRequest) async -> Result<OutboundResponse, Problem> {
        var request = request
        do {
            if let tokens, request.bearsToken, let adapter = adapter as? any TokenRefreshing {
                adapter.authorize(&request, with: try await tokens.token())
            }
        } catch {
            return .failure(Problem(message: "no access token: \(error)"))
        }
        do {
            let response = try await client.send(
                HTTPClientRequest(
                    method: request.method, url: request.url, headers: request.headers, body: request.body,
                    timeouts: .init(firstByte: PlatformCaller.limit, total: PlatformCaller.limit),
                    maxResponseBytes: 1 << 20))
            return .success(
                OutboundResponse(
                    status: response.status, headers: .init { response.header($0) }, body: response.body))
        } catch {
            return .failure(Problem(message: error.message))
        }
    }
}
