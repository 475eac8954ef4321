import BridgeCore
import GitHubAdapter

extension PlatformSettings {
    // Not GITHUB_: build machines have variables of that name.
    static let github = PlatformSettings(prefix: "GITHUB_BOT", platform: "github") { settings in
        let token = settings.text("GITHUB_BOT_TOKEN", isSecret: true)
        let secret = settings.text("GITHUB_BOT_WEBHOOK_SECRET", isSecret: true)
        let name = settings.text("GITHUB_BOT_NAME")
        let base = settings.url("GITHUB_BOT_API_BASE", default: "https://api.github.com")
        let credentials = ["GITHUB_BOT_TOKEN", "GITHUB_BOT_WEBHOOK_SECRET", "GITHUB_BOT_NAME"]
        guard settings.isOn("GITHUB_BOT", credentials: credentials), let token, let secret, let name, let base else {
            return nil
        }
        return GitHubAdapter(
            configuration: GitHubConfiguration(
                webhookSecret: Secret(secret), token: Secret(token), name: name, apiBase: base))
    }
}
