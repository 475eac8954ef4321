internal import BridgeCore
internal import HTTPClient

extension HTTPClient {
    /// Sends an adapter's request and reads the whole of its answer, up to 1 MiB.
    @inline(never) func exchange(
        _ request: OutboundRequest, timeouts: HTTPClientRequest.Timeouts = .init(), maxResponseBytes: Int = 1 << 20,
        isRepeatable: Bool = false
    ) async throws(HTTPClientError) -> OutboundResponse {
        let response = try await send(
            HTTPClientRequest(
                method: request.method, url: request.url, headers: request.headers, body: request.body,
                timeouts: timeouts, maxResponseBytes: maxResponseBytes, isRepeatable: isRepeatable,
                isUntrustedAddress: request.isUntrustedAddress))
        return OutboundResponse(
            status: response.status, headers: .init { response.header($0) }, body: response.body)
    }
}
