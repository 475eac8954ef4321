import BridgeCore
import TelegramAdapter

extension PlatformSettings {
    static let telegram = PlatformSettings(prefix: "TELEGRAM") { settings in
        let token = settings.text("TELEGRAM_BOT_TOKEN", isSecret: true)
        let secret = settings.text("TELEGRAM_WEBHOOK_SECRET", isSecret: true)
        let isPolling = settings.boolean("TELEGRAM_POLLING", default: false)
        let base = settings.url("TELEGRAM_API_BASE", default: "https://api.telegram.org")
        guard settings.isOn("TELEGRAM", credentials: ["TELEGRAM_BOT_TOKEN"]), let token, let base else { return nil }
        if secret == nil && !isPolling {
            settings.report(
                "TELEGRAM_WEBHOOK_SECRET: needed to tell Telegram's webhooks from forged ones (1 to 256 of A-Z a-z 0-9 _ -);"
                    + " or set TELEGRAM_POLLING=true to fetch messages without a webhook")
        }
        return TelegramAdapter(
            configuration: TelegramConfiguration(
                botToken: Secret(token), webhookSecret: secret.map { Secret($0) }, isPollingEnabled: isPolling,
                apiBase: base))
    }
}
