import BridgeCore
import ViberAdapter

extension PlatformSettings {
    static let viber = PlatformSettings(prefix: "VIBER") { settings in
        let token = settings.text("VIBER_AUTH_TOKEN", isSecret: true)
        let name = settings.text("VIBER_BOT_NAME", default: "Bot")
        let avatar = settings.url("VIBER_BOT_AVATAR")
        let base = settings.url("VIBER_API_BASE", default: "https://chatapi.viber.com/pa")
        guard settings.isOn("VIBER", credentials: ["VIBER_AUTH_TOKEN"]), let token, let base else { return nil }
        if name.isEmpty || name.count > 28 {
            settings.report("VIBER_BOT_NAME: 1 to 28 characters are expected, which is what Viber shows")
        }
        return ViberAdapter(
            configuration: ViberConfiguration(
                authToken: Secret(token), botName: name, botAvatar: avatar, apiBase: base))
    }
}
