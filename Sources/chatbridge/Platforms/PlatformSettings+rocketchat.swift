import BridgeCore
import RocketChatAdapter

extension PlatformSettings {
    static let rocketchat = PlatformSettings(prefix: "ROCKETCHAT") { settings in
        let server = settings.url("ROCKETCHAT_URL")
        let token = settings.text("ROCKETCHAT_AUTH_TOKEN", isSecret: true)
        let user = settings.text("ROCKETCHAT_USER_ID")
        let webhooks = settings.text("ROCKETCHAT_WEBHOOK_TOKEN", isSecret: true)
        let base = settings.url("ROCKETCHAT_API_BASE")
        let credentials = [
            "ROCKETCHAT_URL", "ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_USER_ID", "ROCKETCHAT_WEBHOOK_TOKEN",
        ]
        guard settings.isOn("ROCKETCHAT", credentials: credentials), let server, let token, let user, let webhooks
        else { return nil }
        let tokens = webhooks.split(separator: ",").map { Secret(String($0.filter { $0 != " " })) }
        return RocketChatAdapter(
            configuration: RocketChatConfiguration(
                authToken: Secret(token), userID: user, webhookTokens: tokens.filter { !$0.value.isEmpty },
                serverURL: base ?? server))
    }
}
