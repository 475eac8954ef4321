import BridgeCore
import SlackAdapter

extension PlatformSettings {
    static let slack = PlatformSettings(prefix: "SLACK") { settings in
        let token = settings.text("SLACK_BOT_TOKEN", isSecret: true)
        let secret = settings.text("SLACK_SIGNING_SECRET", isSecret: true)
        let base = settings.url("SLACK_API_BASE", default: "https://slack.com/api")
        guard settings.isOn("SLACK", credentials: ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"]), let token, let secret,
            let base
        else { return nil }
        return SlackAdapter(
            configuration: SlackConfiguration(
                botToken: Secret(token), signingSecret: Secret(secret), apiBase: base))
    }
}
