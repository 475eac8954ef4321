import BridgeCore
import SlackAdapter

extension PlatformSettings {
    static let slack = PlatformSettings(prefix: "SLACK") { settings in
        let token = settings.text("SLACK_BOT_TOKEN", isSecret: true)
        let secret = settings.text("SLACK_SIGNING_SECRET", isSecret: true)
        let appToken = settings.text("SLACK_APP_TOKEN", isSecret: true)
        let base = settings.url("SLACK_API_BASE", default: "https://slack.com/api")
        // By Socket Mode nothing comes that would have to be verified.
        let credentials = ["SLACK_BOT_TOKEN", appToken == nil ? "SLACK_SIGNING_SECRET" : "SLACK_APP_TOKEN"]
        guard settings.isOn("SLACK", credentials: credentials), let token, let base else { return nil }
        let configuration = SlackConfiguration(
            botToken: Secret(token), signingSecret: secret.map { Secret($0) }, appToken: appToken.map { Secret($0) },
            apiBase: base)
        for problem in configuration.problems { settings.report(problem) }
        return SlackAdapter(configuration: configuration)
    }
}
