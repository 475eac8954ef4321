public import BridgeCore
internal import HTTPCore
internal import JSON

extension TelegramAdapter: Simulating {
    /// A private text message from an invented user, as Telegram would send it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        let user: Int64 = 4_200_000_001  // beyond 32 bits, as real users are
        var writer = JSONWriter()
        writer.object { update in
            update.field("update_id", number)
            update.objectField("message") { message in
                message.field("message_id", number)
                message.objectField("from") { from in
                    from.field("id", user)
                    from.field("is_bot", false)
                    from.field("first_name", "Simulated")
                }
                message.objectField("chat") { chat in
                    chat.field("id", user)
                    chat.field("type", "private")
                    chat.field("first_name", "Simulated")
                }
                message.field("date", now.seconds)
                message.field("text", text)
            }
        }
        var headers: HTTPFields = ["Content-Type": "application/json"]
        headers[Self.secretField] = configuration.webhookSecret?.value
        return WebhookRequest(target: "/webhooks/telegram", headers: headers, body: writer.bytes)
    }
}
