import BridgeCore
import Crypto
import HTTPCore
import ViberAdapter

/// What the Viber tests share: a bot and payloads, all invented.
enum ViberSamples {
    static let token = "50aa0000000000-17ab000000000000-0c0ffee000000000"
    static let now = Timestamp(seconds: 1_790_000_000)

    static let adapter = ViberAdapter(
        configuration: ViberConfiguration(
            authToken: Secret(token), botName: "Harbour", botAvatar: "https://x.test/a.png",
            apiBase: "https://viber.example.test/pa"))

    /// A callback signed by a key.
    static func signed(_ body: [UInt8], key: String = token) -> WebhookRequest {
        WebhookRequest(
            target: "/webhooks/viber",
            headers: [
                "x-viber-content-signature": Hex.encode(
                    HMACSHA256.authenticationCode(for: body, key: Array(key.utf8)))
            ], body: body)
    }

    /// A callback; its token does not fit into a floating-point number.
    static func callback(_ name: String, _ fields: String = #""user_id":"dXNlcg==""#) -> String {
        #"{"event":"\#(name)","timestamp":1789999990123,"message_token":5999999999999999997,\#(fields)}"#
    }

    static let ola = #"{"id":"dXNlcg==","name":"Ola","avatar":"https://x.test/o.png","country":"NO","language":"nb"}"#

    /// A message of Ola's.
    static func message(_ fields: String) -> String {
        callback("message", #""sender":\#(ola),"message":{\#(fields)},"silent":false"#)
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter.receive(signed(Array(body.utf8)), at: now).events
    }
}
