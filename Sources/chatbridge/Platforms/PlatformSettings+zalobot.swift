import BridgeCore
import ZaloBotAdapter

extension PlatformSettings {
    static let zalobot = PlatformSettings(prefix: "ZALOBOT") { settings in
        let token = settings.text("ZALOBOT_TOKEN", isSecret: true)
        let secret = settings.text("ZALOBOT_WEBHOOK_SECRET", isSecret: true)
        let isPolling = settings.boolean("ZALOBOT_POLLING", default: false)
        let base = settings.url("ZALOBOT_API_BASE", default: "https://bot-api.zaloplatforms.com")
        guard settings.isOn("ZALOBOT", credentials: ["ZALOBOT_TOKEN"]), let token, let base else { return nil }
        if let secret, !(8...256).contains(secret.count) {
            settings.report("ZALOBOT_WEBHOOK_SECRET: Zalo takes 8 to 256 characters")
        } else if secret == nil, !isPolling {
            settings.report(
                "ZALOBOT_WEBHOOK_SECRET: needed to tell Zalo's webhooks from forged ones (8 to 256 characters);"
                    + " or set ZALOBOT_POLLING=true to fetch messages without a webhook")
        }
        return ZaloBotAdapter(
            configuration: ZaloBotConfiguration(
                botToken: Secret(token), webhookSecret: secret.map { Secret($0) }, isPollingEnabled: isPolling,
                apiBase: base))
    }
}
