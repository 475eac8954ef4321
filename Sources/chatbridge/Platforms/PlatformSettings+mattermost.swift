import BridgeCore
import MattermostAdapter

extension PlatformSettings {
    static let mattermost = PlatformSettings(prefix: "MATTERMOST") { settings in
        let server = settings.url("MATTERMOST_URL")
        let token = settings.text("MATTERMOST_BOT_TOKEN", isSecret: true)
        let webhooks = settings.text("MATTERMOST_WEBHOOK_TOKEN", isSecret: true)
        let isWebSocket = settings.boolean("MATTERMOST_WEBSOCKET", default: false)
        let base = settings.url("MATTERMOST_API_BASE")
        // What comes by the bot's own WebSocket needs no token.
        let credentials =
            ["MATTERMOST_URL", "MATTERMOST_BOT_TOKEN"] + (isWebSocket ? [] : ["MATTERMOST_WEBHOOK_TOKEN"])
        guard settings.isOn("MATTERMOST", credentials: credentials), let server, let token else { return nil }
        let tokens = (webhooks ?? "").split(separator: ",").map { Secret(String($0.filter { $0 != " " })) }
        return MattermostAdapter(
            configuration: MattermostConfiguration(
                botToken: Secret(token), webhookTokens: tokens.filter { !$0.value.isEmpty },
                isWebSocketEnabled: isWebSocket, serverURL: base ?? server))
    }
}
