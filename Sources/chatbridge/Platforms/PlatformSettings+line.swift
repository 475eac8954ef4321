import BridgeCore
import LineAdapter

extension PlatformSettings {
    static let line = PlatformSettings(prefix: "LINE") { settings in
        let secret = settings.text("LINE_CHANNEL_SECRET", isSecret: true)
        let token = settings.text("LINE_CHANNEL_ACCESS_TOKEN", isSecret: true)
        let base = settings.url("LINE_API_BASE", default: LineConfiguration.defaultAPIBase)
        guard settings.isOn("LINE", credentials: ["LINE_CHANNEL_SECRET", "LINE_CHANNEL_ACCESS_TOKEN"]), let secret,
            let token, let base
        else { return nil }
        return LineAdapter(
            configuration: LineConfiguration(
                channelSecret: Secret(secret), accessToken: Secret(token), apiBase: base))
    }
}
