public import BridgeCore
internal import HTTPCore
internal import JSON

extension DiscordAdapter: Simulating {
    /// The user and the direct channel of simulated messages.
    private static let user = "1400000000000000201"
    private static let channel = "1400000000000000202"

    /// A message to the bot from an invented user in a direct conversation, as a relay of the Gateway would send it.
    ///
    /// It is signed with a key made of the bot's token, which the adapter takes beside Discord's.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var writer = JSONWriter()
        writer.object { frame in
            frame.field("op", 0)
            frame.field("s", number)
            frame.field("t", "MESSAGE_CREATE")
            frame.objectField("d") { message in
                message.field("id", DiscordSnowflake.id(at: now, number: number))
                message.field("type", 0)
                message.field("channel_id", Self.channel)
                message.field("channel_type", 1)
                message.objectField("author") { user in
                    user.field("id", Self.user)
                    user.field("username", "simulated")
                    user.field("global_name", "Simulated")
                    user.field("discriminator", "0")
                }
                message.field("content", text)
                message.field("timestamp", now)
                message.nullField("edited_timestamp")
                message.field("tts", false)
                message.field("mention_everyone", false)
                for name in ["mentions", "mention_roles", "attachments", "embeds", "components"] {
                    message.key(name)
                    message.array { _ in }
                }
                message.field("pinned", false)
                message.field("flags", 0)
            }
        }
        return WebhookRequest(
            target: "/webhooks/discord",
            headers: signature.simulatedFields(writer.bytes, timestamp: String(now.seconds)), body: writer.bytes)
    }
}
