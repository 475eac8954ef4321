import BridgeCore
import SlackAdapter
import TelegramAdapter
import WebhookAdapter

/// How one platform's variables are read: the list to which a new adapter is added.
struct PlatformSettings: Sendable {
    /// What its variables begin with, as in `TELEGRAM`; in lower case the platform's name.
    let prefix: String
    /// Reads them into the configuration.
    let read: @Sendable (inout SettingsReader, inout ProductConfiguration) -> Void

    /// Every platform but the web page, which has no credentials.
    static let all = [
        PlatformSettings(prefix: "TELEGRAM") { settings, product in
            let token = settings.text("TELEGRAM_BOT_TOKEN", isSecret: true)
            let secret = settings.text("TELEGRAM_WEBHOOK_SECRET", isSecret: true)
            let isPolling = settings.boolean("TELEGRAM_POLLING", default: false)
            let base = settings.url("TELEGRAM_API_BASE", default: "https://api.telegram.org")
            guard settings.isOn("TELEGRAM", credentials: ["TELEGRAM_BOT_TOKEN"]), let token, let base else { return }
            if secret == nil && !isPolling {
                settings.report(
                    "TELEGRAM_WEBHOOK_SECRET: needed to tell Telegram's webhooks from forged ones (1 to 256 of A-Z a-z 0-9 _ -);"
                        + " or set TELEGRAM_POLLING=true to fetch messages without a webhook")
            }
            product.telegram = TelegramConfiguration(
                botToken: Secret(token), webhookSecret: secret.map { Secret($0) }, isPollingEnabled: isPolling,
                apiBase: base)
        },
        PlatformSettings(prefix: "SLACK") { settings, product in
            let token = settings.text("SLACK_BOT_TOKEN", isSecret: true)
            let secret = settings.text("SLACK_SIGNING_SECRET", isSecret: true)
            let base = settings.url("SLACK_API_BASE", default: "https://slack.com/api")
            guard settings.isOn("SLACK", credentials: ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"]), let token,
                let secret,
                let base
            else { return }
            product.slack = SlackConfiguration(botToken: Secret(token), signingSecret: Secret(secret), apiBase: base)
        },
        PlatformSettings(prefix: "WEBHOOK") { settings, product in
            let secret = settings.text("WEBHOOK_SECRET", isSecret: true)
            let reply = settings.url("WEBHOOK_REPLY_URL")
            guard settings.isOn("WEBHOOK", credentials: ["WEBHOOK_SECRET"]), let secret else { return }
            let webhook = WebhookConfiguration(secret: Secret(secret), replyURL: reply)
            for problem in webhook.problems { settings.report("WEBHOOK_SECRET, WEBHOOK_REPLY_URL: \(problem)") }
            product.webhook = webhook
        },
    ]

    /// What variables of ours begin with: a variable that does and is not known is a typing mistake.
    static let ownPrefixes =
        all.map { $0.prefix + "_" } + [
            "MASTRA_", "AGENT_", "OPENAI_RESPONSE", "LOG_", "SPOOL_", "REDIS_", "SESSION_TTL", "CONVERSATION_", "WEB_",
            "TYPING_", "SHUTDOWN_TIMEOUT",
        ]
}

extension SettingsReader {
    /// True when a platform is on: its credentials are all set, unless `X_ENABLED` says otherwise.
    mutating func isOn(_ prefix: String, credentials: [String]) -> Bool {
        let wish = boolean("\(prefix)_ENABLED")
        if wish == false { return false }
        let missing = credentials.filter { !isSet($0) }
        if missing.isEmpty { return true }
        // Half of the credentials is a mistake too: the other half was forgotten.
        if wish == true || missing.count < credentials.count {
            report("\(missing.joined(separator: " and ")): missing, \(prefix.lowercased()) needs it")
        }
        return false
    }
}
