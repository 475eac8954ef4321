import BridgeCore
import BridgeTesting
import HTTPCore
import TelegramAdapter

/// What the Telegram tests share: a bot and payloads, all invented.
enum TelegramSamples {
    static let secret = "a-Webhook_Secret_17"
    static let token = "5550001:AAinventedTokenOfATestBot"
    static let now = Timestamp(seconds: 1_790_000_000)

    static let adapter = TelegramAdapter(
        configuration: TelegramConfiguration(
            botToken: Secret(token), webhookSecret: Secret(secret), apiBase: "https://api.example.test"))

    /// A webhook with the right secret.
    static func webhook(_ body: String, secret: String = secret) -> WebhookRequest {
        WebhookRequest(
            target: "/webhooks/telegram",
            headers: ["Content-Type": "application/json", "x-telegram-bot-api-secret-token": secret],
            body: Array(body.utf8))
    }

    static let ada = #"{"id":7100000042,"is_bot":false,"first_name":"Ada","last_name":"Quill","username":"adaq"}"#
    static let privateChat = #"{"id":7100000042,"type":"private","first_name":"Ada"}"#
    static let forum = #"{"id":-1009000000017,"type":"supergroup","title":"Harbour","is_forum":true}"#
    static let group = #"{"id":-770001,"type":"group","title":"Kitchen"}"#
    static let channel = #"{"id":-1009000000099,"type":"channel","title":"News"}"#

    /// An update with a message of Ada's.
    static func message(
        _ content: String, chat: String = privateChat, from: String = ada, kind: String = "message", id: Int = 9001
    ) -> String {
        #"{"update_id":\#(id),"\#(kind)":{"message_id":55,"from":\#(from),"chat":\#(chat),"date":1789999990,\#(content)}}"#
    }

    /// The events of an update.
    static func events(_ update: String) throws -> [InboundEvent] {
        try adapter.receive(webhook(update), at: now).events
    }
}
