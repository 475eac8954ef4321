internal import BridgeCore
internal import HTTPCore
internal import JSON

/// One connection after the other in Slack's Socket Mode (<https://docs.slack.dev/apis/events-api/using-socket-mode>).
///
/// An envelope is acknowledged once the engine has taken what is in it; what was not, Slack delivers again. Before Slack ends
/// a connection it says so, and another one is opened first.
struct SlackSocketSession: GatewaySession {
    /// `hello` comes at once; a server that says nothing for so long is none.
    private static let helloTimeout = Duration.seconds(30)

    private let adapter: SlackAdapter
    private var isGreeted = false
    private var isReplaced = false
    private var fatalReason: String?

    init(adapter: SlackAdapter) {
        self.adapter = adapter
    }

    // MARK: Connecting

    mutating func address(at now: Timestamp) -> GatewayAddress {
        .ask(adapter.connectionRequest())
    }

    mutating func address(from response: OutboundResponse, at now: Timestamp) -> GatewayAddress {
        switch adapter.reply(of: response) {
        case .success(let reply):
            guard let url = reply["url"].string, url.hasPrefix("wss://") || url.hasPrefix("ws://") else {
                return .failed(DeliveryFailure(.temporary, reason: "apps.connections.open answered without a URL"))
            }
            return .connect(url: url, headers: [])
        case .failure(let failure) where failure.kind == .unauthorized:
            return .failed(
                DeliveryFailure(
                    .unauthorized,
                    reason: "Slack refuses SLACK_APP_TOKEN (\(failure.reason)): it must be an app-level token (xapp-…)"
                        + " with the scope connections:write"))
        case .failure(let failure) where failure.isTemporary:
            return .failed(failure)
        case .failure(let failure):
            return .failed(
                DeliveryFailure(
                    .refused, reason: "Slack opens no connection (\(failure.reason)): is Socket Mode switched on?"))
        }
    }

    mutating func opened(at now: Timestamp) -> [GatewayCommand] {
        isGreeted = false
        isReplaced = false
        return [.wake(after: Self.helloTimeout)]
    }

    // MARK: Messages

    mutating func received(_ message: [UInt8], at now: Timestamp) -> [GatewayCommand] {
        guard let envelope = try? JSONView(parsing: message), envelope.kind == .object else {
            return [.note("Slack sent something that is no envelope")]
        }
        switch envelope["type"].string {
        case "hello":
            isGreeted = true
            return [.wake(after: nil), .note("connected to Slack by Socket Mode")]
        case "disconnect":
            return disconnect(envelope["reason"].identifier ?? "no reason")
        default:
            return take(envelope)
        }
    }

    /// An envelope with an event, a slash command or an interaction.
    private func take(_ envelope: JSONView) -> [GatewayCommand] {
        guard let id = envelope["envelope_id"].identifier else { return [] }
        let reader = SlackEventReader(root: envelope["payload"], fallbackID: { "envelope:\(id)" })
        var writer = JSONWriter(capacity: 64)
        writer.object { $0.field("envelope_id", id) }
        guard let events = reader.events(), !events.isEmpty else { return [.send(writer.bytes)] }
        return [.deliver(events, acknowledgement: writer.bytes)]
    }

    private mutating func disconnect(_ reason: String) -> [GatewayCommand] {
        switch reason {
        case "link_disabled", "socket_mode_disabled":
            fatalReason =
                "Socket Mode is switched off for the app: switch it on under Socket Mode, or unset SLACK_APP_TOKEN"
            return [.disconnect(code: 1000)]
        case "warning", "refresh_requested":
            // "warning" comes some ten seconds before the end, and "refresh_requested" may follow it.
            guard !isReplaced else { return [] }
            isReplaced = true
            return [.replace]
        default:
            return [.note("Slack ends the connection: \(reason.prefix(80))"), .disconnect(code: 1000)]
        }
    }

    mutating func timerFired(at now: Timestamp) -> [GatewayCommand] {
        isGreeted ? [] : [.note("Slack says nothing"), .disconnect(code: 1000)]
    }

    mutating func closed(_ closure: GatewayClosure, at now: Timestamp) -> GatewayRecovery {
        if let fatalReason { return .stop(reason: fatalReason) }
        // A connection that was good is made anew at once, one that never came about after the engine's backoff.
        return .reconnect(after: isGreeted ? .zero : nil)
    }
}
