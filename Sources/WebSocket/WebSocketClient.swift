internal import EventLoop
public import HTTPClient
public import HTTPCore

/// Makes WebSocket connections over an HTTP client's way to the network: its loop, its trust in certificates, its proxy.
public struct WebSocketClient: Sendable {
    private let client: HTTPClient

    /// A client on the loop of `client`; its connections outlive that one's shutdown.
    public init(_ client: HTTPClient) {
        self.client = client
    }

    /// Connects and shakes hands (RFC 6455, section 4.1).
    ///
    /// Redirects are not followed: they are refusals with their status.
    ///
    /// - Parameters:
    ///   - url: a `ws`, `wss`, `http` or `https` URL, without a fragment or a password.
    ///   - headers: sent besides those of the handshake.
    ///   - subprotocols: what the server may choose from, the most wanted first.
    /// - Throws: ``WebSocketError`` when there is no connection; cancelling the task closes the socket.
    public func connect(
        _ url: String, headers: HTTPFields = HTTPFields(), subprotocols: [String] = [],
        limits: WebSocketLimits = WebSocketLimits(), timeouts: WebSocketTimeouts = WebSocketTimeouts()
    ) async throws(WebSocketError) -> WebSocketConnection {
        guard let target = WebSocketURL(url) else { throw WebSocketError(.badURL, "the URL is no WebSocket URL") }
        let key = WebSocketHandshake.makeKey()
        let request = WebSocketHandshake.request(target, key: key, headers: headers, subprotocols: subprotocols)
        guard let request else { throw WebSocketError(.badRequest, "a header field holds forbidden bytes") }
        let transport: HTTPClientConnection
        do {
            transport = try await client.connect(to: target.connectURL, deadline: timeouts.connect)
        } catch {
            if error.code == .cancelled { throw .cancelled }
            throw WebSocketError(.notConnected(error.code), error.message)
        }
        let opening = WebSocketOpening(transport)
        let (head, rest) = try await opening.run(request, deadline: timeouts.handshake)
        do throws(WebSocketError) {
            guard head.status.code == 101 else {
                throw WebSocketError(
                    .refused(head.status), "the server refused the handshake with status \(head.status)")
            }
            let chosen = try WebSocketHandshake.check(head.fields, key: key, subprotocols: subprotocols)
            return await opening.makeConnection(subprotocol: chosen, early: rest, limits: limits, timeouts: timeouts)
        } catch {
            await opening.close()
            throw error
        }
    }
}
