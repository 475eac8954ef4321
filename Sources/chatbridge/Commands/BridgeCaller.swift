import BridgeCore
import EventLoop
import HTTPClient
import HTTPCore
import JSON

/// Asks a bridge that runs, at the address of the configuration or another.
struct BridgeCaller: Sendable {
    /// What it said.
    enum Answer: Sendable {
        case json(status: Int, body: [UInt8])
        /// Nobody answers there, or it is no bridge.
        case none(reason: String)
    }

    let url: String
    private let token: Secret?
    private let client: HTTPClient

    /// - Parameter url: where it listens; nil: as the configuration says.
    init(_ product: ProductConfiguration, url: String?, loop: EventLoop) {
        let host = product.host == "0.0.0.0" ? "127.0.0.1" : product.host
        self.url = url ?? "http://\(host):\(product.port)"
        token = product.apiToken
        client = HTTPClient(loop: loop)
    }

    /// - Parameter patience: how long the answer may take.
    func call(
        _ method: HTTPMethod, _ path: String, body: [UInt8] = [], patience: Duration = .seconds(5)
    ) async -> Answer {
        var headers = HTTPFields()
        if let token { headers.append("Authorization", "Bearer \(token.value)") }
        do {
            let response = try await client.send(
                HTTPClientRequest(
                    method: method, url: url + path, headers: headers, body: body,
                    timeouts: .init(firstByte: patience, total: patience)))
            guard (try? JSONView(parsing: response.body)) != nil else {
                return .none(reason: "\(url) answered \(response.status) without JSON")
            }
            return .json(status: response.status.code, body: response.body)
        } catch {
            return .none(reason: "\(url): \(error.message)")
        }
    }
}
