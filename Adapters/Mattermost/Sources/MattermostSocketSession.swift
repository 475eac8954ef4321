internal import BridgeCore
internal import HTTPCore
internal import JSON

/// One session at Mattermost's WebSocket (<https://developers.mattermost.com/api-documentation/#/#websocket>).
///
/// After a cut it goes on where it was: the server repeats what this connection missed, for as long as it remembers it.
struct MattermostSocketSession: GatewaySession {
    /// The server greets at once; one that says nothing for so long is none.
    private static let helloTimeout = Duration.seconds(20)

    private let adapter: MattermostAdapter
    private var botID: String?
    private var botName: String?
    private var connectionID: String?
    /// The number of the next event, as the server counts.
    private var sequence: Int64 = 0
    private var isGreeted = false
    private var isRefused = false

    init(adapter: MattermostAdapter) {
        self.adapter = adapter
    }

    // MARK: Connecting

    mutating func address(at now: Timestamp) -> GatewayAddress {
        // Who we are decides what is answered, so it is asked first.
        botID == nil ? .ask(adapter.call(.get, "/users/me")) : connect()
    }

    mutating func address(from response: OutboundResponse, at now: Timestamp) -> GatewayAddress {
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        guard response.status.isSuccess, let id = reply["id"].identifier else {
            let failure = adapter.failure(response, reply)
            if failure.kind == .unauthorized {
                return .failed(
                    DeliveryFailure(
                        .unauthorized, reason: "Mattermost refuses MATTERMOST_BOT_TOKEN (\(failure.reason))"))
            }
            return .failed(failure.isTemporary ? failure : DeliveryFailure(.temporary, reason: failure.reason))
        }
        botID = id
        botName = reply["username"].identifier
        adapter.account.learn(id)
        return connect()
    }

    private func connect() -> GatewayAddress {
        let server = adapter.configuration.serverURL
        // http becomes ws, https wss.
        var url = (server.hasPrefix("http") ? "ws" + server.dropFirst(4) : server) + "/api/v4/websocket"
        if let connectionID {
            url += "?connection_id=\(HTTPPercentEncoding.encode(connectionID))&sequence_number=\(sequence)"
        }
        return .connect(url: url, headers: [])
    }

    mutating func opened(at now: Timestamp) -> [GatewayCommand] {
        isGreeted = false
        var writer = JSONWriter(capacity: 128)
        writer.object { json in
            json.field("seq", 1)
            json.field("action", "authentication_challenge")
            json.objectField("data") { $0.field("token", adapter.configuration.botToken.value) }
        }
        return [.send(writer.bytes), .wake(after: Self.helloTimeout)]
    }

    // MARK: Messages

    mutating func received(_ message: [UInt8], at now: Timestamp) -> [GatewayCommand] {
        guard let frame = try? JSONView(parsing: message), frame.kind == .object else {
            return [.note("Mattermost sent something that is no message of its protocol")]
        }
        if frame["status"].string == "FAIL" {
            isRefused = frame["error"]["status_code"].int == 401
            return [
                .note("Mattermost refuses: \(frame["error"]["id"].identifier?.prefix(80) ?? "no reason")"),
                .disconnect(code: 1000),
            ]
        }
        guard let name = frame["event"].identifier else { return [] }
        if name == "hello" {
            isGreeted = true
            let id = frame["data"]["connection_id"].identifier
            // Another id: the server has forgotten the connection, and counts anew.
            if id != connectionID { sequence = 0 }
            connectionID = id
            count(frame)
            return [.wake(after: nil), .note("connected to Mattermost as @\(botName ?? "?")")]
        }
        count(frame)
        let reader = MattermostSocketEvent(
            name: name, frame: frame, botID: botID ?? "",
            fallbackID: "\(connectionID ?? "websocket"):\(frame["seq"].int ?? sequence)")
        let events = reader.events()
        return events.isEmpty ? [] : [.deliver(events, acknowledgement: nil)]
    }

    private mutating func count(_ frame: JSONView) {
        if let number = frame["seq"].int, number < .max { sequence = number + 1 }
    }

    mutating func timerFired(at now: Timestamp) -> [GatewayCommand] {
        isGreeted ? [] : [.note("Mattermost says nothing"), .disconnect(code: 1000)]
    }

    mutating func closed(_ closure: GatewayClosure, at now: Timestamp) -> GatewayRecovery {
        if isRefused { return .stop(reason: "Mattermost refuses MATTERMOST_BOT_TOKEN: copy the bot's token again") }
        return .reconnect(after: isGreeted ? .zero : nil)
    }
}
