public import BridgeCore
internal import JSON

extension DiscordAdapter: GatewayFaking {
    /// Discord's side of a Gateway connection: hello, identify or resume, heartbeats, messages, and its close codes.
    public func makeFakeGateway(target: String, host: String) -> any FakeGatewayPeer {
        DiscordFakeGateway(adapter: self, target: target, host: host)
    }
}

/// A connection as Discord's Gateway of version 10 has it ("Gateway", "Opcodes and Status Codes"); nothing is repeated to a session
/// that is resumed, since nothing is kept.
struct DiscordFakeGateway: FakeGatewayPeer {
    private static let sessionID = "fake-session"

    private let adapter: DiscordAdapter
    private let target: String
    private let host: String
    private var isStarted = false
    private var sequence: Int64 = 0

    init(adapter: DiscordAdapter, target: String, host: String) {
        self.adapter = adapter
        self.target = target
        self.host = host
    }

    mutating func opened(at now: Timestamp) -> [FakeGatewayCommand] {
        guard target.contains("v=10") else { return [.close(code: 4012, reason: "Invalid API version(s).")] }
        return [
            Self.frame { json in
                json.field("op", 10)
                json.nullField("s")
                json.nullField("t")
                json.objectField("d") { $0.field("heartbeat_interval", 41_250) }
            }
        ]
    }

    mutating func received(_ message: [UInt8], at now: Timestamp) -> [FakeGatewayCommand] {
        guard let frame = try? JSONView(parsing: message), let opcode = frame["op"].int else {
            return Self.refuse(4002, "Error while decoding payload.")
        }
        let data = frame["d"]
        switch opcode {
        case 1:
            return [Self.frame { $0.field("op", 11) }]
        case 2 where isStarted:
            return Self.refuse(4005, "Already authenticated.")
        case 2:
            guard isAuthentic(data) else { return Self.refuse(4004, "Authentication failed.") }
            guard data["intents"].int != nil else { return Self.refuse(4013, "Invalid intent(s).") }
            return [ready(), .note(.other("gateway: identify"))]
        case 6:
            guard isAuthentic(data) else { return Self.refuse(4004, "Authentication failed.") }
            guard data["session_id"].string == Self.sessionID else {
                return [
                    Self.frame { json in
                        json.field("op", 9)
                        json.field("d", false)
                    }
                ]
            }
            isStarted = true
            sequence = (data["seq"].int ?? 0) + 1
            let number = sequence
            return [
                Self.frame { json in
                    json.field("op", 0)
                    json.field("s", number)
                    json.field("t", "RESUMED")
                    json.objectField("d") { _ in }
                }, .note(.other("gateway: resume")),
            ]
        case 3, 4, 8:
            return isStarted ? [] : Self.refuse(4003, "Not authenticated.")
        default:
            return Self.refuse(4001, "Unknown opcode.")
        }
    }

    mutating func say(_ text: String, number: Int64, at now: Timestamp) -> [FakeGatewayCommand]? {
        guard isStarted else { return nil }
        sequence += 1
        let message = adapter.simulateWebhook(text: text, number: number, at: now).body
        guard let data = (try? JSONView(parsing: message))?["d"] else { return [] }
        let count = sequence
        return [
            Self.frame { json in
                json.field("op", 0)
                json.field("s", count)
                json.field("t", "MESSAGE_CREATE")
                json.field("d", data)
            }
        ]
    }

    private func isAuthentic(_ data: JSONView) -> Bool {
        data["token"].string == adapter.configuration.botToken.value
    }

    private mutating func ready() -> FakeGatewayCommand {
        isStarted = true
        sequence += 1
        let number = sequence
        return Self.frame { json in
            json.field("op", 0)
            json.field("s", number)
            json.field("t", "READY")
            json.objectField("d") { data in
                data.field("v", 10)
                data.field("session_id", Self.sessionID)
                data.field("resume_gateway_url", "ws://\(host)/gateway")
                data.objectField("user") { user in
                    user.field("id", adapter.configuration.applicationID)
                    user.field("username", "fake")
                    user.field("bot", true)
                }
                data.arrayField("guilds") { _ in }
                data.objectField("application") { $0.field("id", adapter.configuration.applicationID) }
            }
        }
    }

    private static func refuse(_ code: UInt16, _ reason: String) -> [FakeGatewayCommand] {
        [.note(.refused("gateway: \(code) \(reason)")), .close(code: code, reason: reason)]
    }

    private static func frame(_ write: (inout JSONWriter) -> Void) -> FakeGatewayCommand {
        var writer = JSONWriter()
        writer.object(write)
        return .send(writer.bytes)
    }
}
