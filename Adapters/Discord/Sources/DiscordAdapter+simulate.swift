public import BridgeCore
internal import HTTPCore
internal import JSON

extension DiscordAdapter: Simulating {
    /// The user and the direct channel of simulated commands.
    private static let user = "1400000000000000201"
    private static let channel = "1400000000000000202"

    /// A slash command `/ask` with the text as its option, from an invented user in a direct conversation.
    ///
    /// It is signed with a key made of the bot's token, which the adapter takes beside Discord's.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var writer = JSONWriter()
        writer.object { root in
            root.field("type", 2)
            root.field("id", DiscordSnowflake.id(at: now, number: number))
            root.field("application_id", configuration.applicationID)
            root.field("version", 1)
            root.field("token", "\(Self.simulatedToken)\(Self.channel).\(number)")
            root.field("context", 1)
            root.field("locale", "en-US")
            root.field("channel_id", Self.channel)
            root.objectField("channel") { channel in
                channel.field("id", Self.channel)
                channel.field("type", 1)
            }
            root.objectField("user") { user in
                user.field("id", Self.user)
                user.field("username", "simulated")
                user.field("global_name", "Simulated")
                user.field("discriminator", "0")
            }
            root.objectField("data") { data in
                data.field("id", "1400000000000000203")
                data.field("name", "ask")
                data.field("type", 1)
                data.arrayField("options") { options in
                    options.object { option in
                        option.field("name", "question")
                        option.field("type", 3)
                        option.field("value", text)
                    }
                }
            }
        }
        return WebhookRequest(
            target: "/webhooks/discord",
            headers: signature.simulatedFields(writer.bytes, timestamp: String(now.seconds)), body: writer.bytes)
    }

    /// What the tokens of simulated interactions begin with; the channel follows.
    static let simulatedToken = "simulated."
}
