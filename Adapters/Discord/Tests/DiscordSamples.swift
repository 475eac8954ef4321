import BridgeCore
import Crypto
import DiscordAdapter
import HTTPCore

/// What the Discord tests share: an application and payloads, all invented.
enum DiscordSamples {
    static let application = "1400000000000000001"
    static let token = "MTQwMDAwMDAwMDAwMDAwMDAwMQ.invented.token-of-the-tests"
    static let now = Timestamp(seconds: 1_790_000_000)
    static let key = [UInt8](repeating: 7, count: 32)

    static let configuration = DiscordConfiguration(
        applicationID: application, publicKey: Hex.encode(Ed25519.publicKey(for: key) ?? []), botToken: Secret(token),
        apiBase: "https://discord.example.test/api/v10")

    static let adapter = DiscordAdapter(configuration: configuration)

    /// A request signed by a key.
    static func signed(_ body: [UInt8], at time: Timestamp = now, key: [UInt8] = key) -> WebhookRequest {
        let timestamp = String(time.seconds)
        let signature = Ed25519.signature(for: Array(timestamp.utf8) + body, privateKey: key) ?? []
        return WebhookRequest(
            target: "/webhooks/discord",
            headers: ["X-Signature-Timestamp": timestamp, "X-Signature-Ed25519": Hex.encode(signature)], body: body)
    }

    static func outcome(_ body: String) throws -> WebhookOutcome {
        try adapter.receive(signed(Array(body.utf8)), at: now)
    }

    static func events(_ body: String) throws -> [InboundEvent] { try outcome(body).events }

    /// An interaction of Ida's in a server, unless the fields say otherwise.
    static func interaction(_ type: Int, _ data: String, _ fields: String = "") -> String {
        #"{"type":\#(type),"id":"1420000000000000777","application_id":"\#(application)","token":"itoken","version":1,"channel_id":"500","guild_id":"900","locale":"uk","member":{"nick":"Ida of the harbour","user":{"id":"61","username":"ida"}},"data":\#(data)\#(fields)}"#
    }

    /// An interaction of Ida's alone with the bot.
    static func direct(_ type: Int, _ data: String) -> String {
        #"{"type":\#(type),"id":"1420000000000000778","application_id":"\#(application)","token":"itoken","channel_id":"501","channel":{"id":"501","type":1},"user":{"id":"61","username":"ida","global_name":"Ida"},"data":\#(data)}"#
    }

    /// A dispatch of the Gateway.
    static func dispatch(_ name: String, _ data: String, sequence: Int = 5) -> String {
        #"{"op":0,"s":\#(sequence),"t":"\#(name)","d":\#(data)}"#
    }

    /// A message of Ida's in a server.
    static func message(_ fields: String, event: String = "MESSAGE_CREATE") -> String {
        dispatch(
            event,
            #"{"id":"1420000000000000900","channel_id":"500","guild_id":"900","author":{"id":"61","username":"ida"},"timestamp":"2026-09-21T13:33:20.000000+00:00",\#(fields)}"#
        )
    }

    /// A message of Ida's alone with the bot.
    static func directMessage(_ fields: String) -> String {
        dispatch(
            "MESSAGE_CREATE",
            #"{"id":"1420000000000000901","channel_id":"501","author":{"id":"61","username":"ida"},\#(fields)}"#
        )
    }
}
