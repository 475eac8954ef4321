import BridgeCore
import DiscordAdapter

extension PlatformSettings {
    static let discord = PlatformSettings(prefix: "DISCORD") { settings in
        let application = settings.text("DISCORD_APPLICATION_ID")
        let key = settings.text("DISCORD_PUBLIC_KEY")
        let token = settings.text("DISCORD_BOT_TOKEN", isSecret: true)
        let isGateway = settings.boolean("DISCORD_GATEWAY", default: true)
        let base = settings.url("DISCORD_API_BASE", default: "https://discord.com/api/v10")
        guard
            settings.isOn(
                "DISCORD", credentials: ["DISCORD_APPLICATION_ID", "DISCORD_PUBLIC_KEY", "DISCORD_BOT_TOKEN"]),
            let application, let key, let token, let base
        else { return nil }
        let configuration = DiscordConfiguration(
            applicationID: application, publicKey: key, botToken: Secret(token), isGatewayEnabled: isGateway,
            apiBase: base)
        for problem in configuration.problems { settings.report(problem) }
        return DiscordAdapter(configuration: configuration)
    }
}
