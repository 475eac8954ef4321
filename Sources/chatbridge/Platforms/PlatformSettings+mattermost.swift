import BridgeCore
import MattermostAdapter

extension PlatformSettings {
    static let mattermost = PlatformSettings(prefix: "MATTERMOST") { settings in
        let server = settings.url("MATTERMOST_URL")
        let token = settings.text("MATTERMOST_BOT_TOKEN", isSecret: true)
        let webhooks = settings.text("MATTERMOST_WEBHOOK_TOKEN", isSecret: true)
        let base = settings.url("MATTERMOST_API_BASE")
        guard
            settings.isOn(
                "MATTERMOST", credentials: ["MATTERMOST_URL", "MATTERMOST_BOT_TOKEN", "MATTERMOST_WEBHOOK_TOKEN"]),
            let server, let token, let webhooks
        else { return nil }
        let tokens = webhooks.split(separator: ",").map { Secret(String($0.filter { $0 != " " })) }
        return MattermostAdapter(
            configuration: MattermostConfiguration(
                botToken: Secret(token), webhookTokens: tokens.filter { !$0.value.isEmpty }, serverURL: base ?? server))
    }
}
