/// What the Gateway is asked to tell ("Gateway", list of intents).
struct DiscordIntents: OptionSet {
    let rawValue: Int

    /// Servers, their roles and threads.
    static let guilds = DiscordIntents(rawValue: 1 << 0)
    /// Who comes and goes; privileged.
    static let guildMembers = DiscordIntents(rawValue: 1 << 1)
    static let guildMessages = DiscordIntents(rawValue: 1 << 9)
    static let guildMessageReactions = DiscordIntents(rawValue: 1 << 10)
    static let directMessages = DiscordIntents(rawValue: 1 << 12)
    static let directMessageReactions = DiscordIntents(rawValue: 1 << 13)
    /// The words of messages that do not mention the bot; privileged.
    static let messageContent = DiscordIntents(rawValue: 1 << 15)

    /// All that becomes events.
    static let all: DiscordIntents = [
        .guilds, .guildMembers, .guildMessages, .guildMessageReactions, .directMessages, .directMessageReactions,
        .messageContent,
    ]
}
