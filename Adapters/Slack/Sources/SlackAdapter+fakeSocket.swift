public import BridgeCore
internal import JSON

extension SlackAdapter: GatewayFaking {
    /// Slack's side of a Socket Mode connection: hello, envelopes, their acknowledgements.
    public func makeFakeGateway(target: String, host: String) -> any FakeGatewayPeer {
        SlackFakeSocket(adapter: self)
    }
}

/// A connection as Slack has it in Socket Mode (<https://docs.slack.dev/apis/events-api/using-socket-mode>); what is not acknowledged
/// is not sent again.
struct SlackFakeSocket: FakeGatewayPeer {
    private let adapter: SlackAdapter
    private var open: Set<String> = []

    init(adapter: SlackAdapter) {
        self.adapter = adapter
    }

    mutating func opened(at now: Timestamp) -> [FakeGatewayCommand] {
        var writer = JSONWriter()
        writer.object { json in
            json.field("type", "hello")
            json.field("num_connections", 1)
            json.objectField("connection_info") { $0.field("app_id", "A0FAKE") }
            json.objectField("debug_info") { debug in
                debug.field("host", "applink-fake")
                debug.field("approximate_connection_time", 18_060)
            }
        }
        return [.send(writer.bytes), .note(.other("socket: opened"))]
    }

    mutating func received(_ message: [UInt8], at now: Timestamp) -> [FakeGatewayCommand] {
        guard let id = (try? JSONView(parsing: message))?["envelope_id"].string, open.remove(id) != nil else {
            return [.note(.refused("socket: no open envelope is acknowledged"))]
        }
        return [.note(.other("socket: acknowledged \(id)"))]
    }

    mutating func say(_ text: String, number: Int64, at now: Timestamp) -> [FakeGatewayCommand]? {
        let payload = adapter.simulateWebhook(text: text, number: number, at: now).body
        let id = "fake-\(number)"
        open.insert(id)
        var writer = JSONWriter()
        writer.object { json in
            json.field("envelope_id", id)
            json.field("type", "events_api")
            json.field("accepts_response_payload", false)
            json.field("retry_attempt", 0)
            json.field("retry_reason", "")
            json.rawField("payload", payload)
        }
        return [.send(writer.bytes)]
    }
}
