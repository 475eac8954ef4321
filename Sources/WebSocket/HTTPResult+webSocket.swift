internal import Crypto
internal import EventLoop
internal import HTTPCore
public import HTTPServer

extension HTTPResult {
    /// Answers a request by a WebSocket connection, or refuses it where it asks for none (RFC 6455, section 4.2).
    ///
    /// When the server drains, the connection is closed with 1001; at the drain's deadline it is cut and the handler cancelled.
    /// Who may connect (`Origin`, tokens) is the caller's to decide before.
    ///
    /// - Parameters:
    ///   - subprotocols: what the handler speaks, the most wanted first; the first of them that the client names is chosen.
    ///   - handler: has the connection to itself, on the server's loop; when it returns the connection is closed in good order.
    public static func webSocket(
        _ request: HTTPRequest, subprotocols: [String] = [], limits: WebSocketLimits = WebSocketLimits(),
        timeouts: WebSocketTimeouts = WebSocketTimeouts(),
        _ handler: @escaping @Sendable (WebSocketConnection) async -> Void
    ) -> HTTPResult {
        let key: String
        do throws(WebSocketRefusal) {
            key = try WebSocketRefusal.check(request)
        } catch {
            return .now(error.response)
        }
        let offered = request.headers.values(of: "Sec-WebSocket-Protocol").flatMap(WebSocketHandshake.items)
        let chosen = subprotocols.first(where: offered.contains)
        var headers: HTTPFields = ["Sec-WebSocket-Accept": WebSocketHandshake.accept(key)]
        if let chosen { headers.append("Sec-WebSocket-Protocol", chosen) }
        return .upgrade(
            HTTPUpgrade(protocolName: "websocket", headers: headers) { stream in
                let connection = WebSocketConnection(
                    stream, role: .server, subprotocol: chosen, early: [], limits: limits, timeouts: timeouts)
                connection.assumeIsolated { $0.start() }
                let task = stream.loop.spawn(on: connection) { connection in
                    await handler(connection)
                    await connection.close()
                }
                stream.onDrain = { [weak connection] in
                    connection?.assumeIsolated { $0.beginClosing(.goingAway, reason: "the server stops") }
                }
                stream.onCut = { [weak connection] in
                    task.cancel()
                    connection?.assumeIsolated { $0.cut(.lost) }
                }
            })
    }
}

/// Why a request is no WebSocket handshake.
enum WebSocketRefusal: Error, Hashable {
    case notGet
    case noUpgrade
    case version
    case key

    /// Checks a client's request (RFC 6455, section 4.2.1).
    ///
    /// - Returns: its key.
    static func check(_ request: HTTPRequest) throws(WebSocketRefusal) -> String {
        let headers = request.headers
        guard request.method == .get else { throw .notGet }
        guard headers.values(of: "Upgrade").contains(where: { WebSocketHandshake.hasItem("websocket", in: $0) }),
            headers.values(of: "Connection").contains(where: { WebSocketHandshake.hasItem("upgrade", in: $0) })
        else { throw .noUpgrade }
        guard headers.values(of: "Sec-WebSocket-Version") == [WebSocketHandshake.version] else { throw .version }
        let keys = headers.values(of: "Sec-WebSocket-Key")
        // 16 bytes are 24 characters, padding included.
        guard keys.count == 1, keys[0].utf8.count == 24, Base64.decode(keys[0])?.count == 16 else { throw .key }
        return keys[0]
    }

    /// What the client is told.
    var response: HTTPResponse {
        switch self {
        case .notGet:
            .error(
                .methodNotAllowed, code: "method_not_allowed", message: "A WebSocket begins with GET.",
                headers: ["Allow": "GET"])
        case .noUpgrade:
            .error(
                HTTPStatus(426), code: "upgrade_required", message: "This path speaks WebSocket.",
                headers: ["Upgrade": "websocket"])
        case .version:
            // RFC 6455, section 4.4.
            .error(
                HTTPStatus(426), code: "websocket_version", message: "Only version 13 of WebSocket is spoken.",
                headers: ["Upgrade": "websocket", "Sec-WebSocket-Version": WebSocketHandshake.version])
        case .key:
            .error(
                .badRequest, code: "websocket_key", message: "Sec-WebSocket-Key must be 16 bytes in Base64.")
        }
    }
}
