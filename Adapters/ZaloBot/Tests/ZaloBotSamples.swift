import BridgeCore
import HTTPCore
import ZaloBotAdapter

/// What the tests of the Zalo Bot platform share: a bot and payloads, all invented.
enum ZaloBotSamples {
    static let secret = "a-webhook-secret-23"
    static let token = "5500001:invented-token-of-a-bot"
    static let now = Timestamp(seconds: 1_790_000_000)

    static let adapter = ZaloBotAdapter(
        configuration: ZaloBotConfiguration(
            botToken: Secret(token), webhookSecret: Secret(secret), apiBase: "https://bot.example.test"))

    static func webhook(_ body: [UInt8], secret: String = secret) -> WebhookRequest {
        WebhookRequest(
            target: "/webhooks/zalobot", headers: ["x-bot-api-secret-token": secret], body: body)
    }

    static let lan = #"{"id":"u3","display_name":"Lan","is_bot":false}"#
    static let home = #"{"id":"u3","chat_type":"PRIVATE"}"#

    /// An update with a message of Lan's.
    static func message(
        _ fields: String, event: String = "text", from: String = lan, chat: String = home, isWrapped: Bool = false
    ) -> String {
        let update =
            #"{"event_name":"message.\#(event).received","message":{"from":\#(from),"chat":\#(chat),"message_id":"m1","date":1789999990123,\#(fields)}}"#
        return isWrapped ? #"{"ok":true,"result":\#(update)}"# : update
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter.receive(webhook(Array(body.utf8)), at: now).events
    }
}
