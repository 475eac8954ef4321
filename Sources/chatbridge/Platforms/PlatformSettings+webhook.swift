import BridgeCore
import WebhookAdapter

extension PlatformSettings {
    static let webhook = PlatformSettings(prefix: "WEBHOOK") { settings in
        let secret = settings.text("WEBHOOK_SECRET", isSecret: true)
        let reply = settings.url("WEBHOOK_REPLY_URL")
        guard settings.isOn("WEBHOOK", credentials: ["WEBHOOK_SECRET"]), let secret else { return nil }
        let webhook = WebhookConfiguration(secret: Secret(secret), replyURL: reply)
        for problem in webhook.problems { settings.report("WEBHOOK_SECRET, WEBHOOK_REPLY_URL: \(problem)") }
        if webhook.replyURL == nil {
            settings.warn("messages by webhook are only recorded: without WEBHOOK_REPLY_URL there is nowhere to answer")
        }
        return WebhookAdapter(configuration: webhook)
    }
}
