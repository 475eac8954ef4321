import BridgeCore
import MessengerAdapter

extension PlatformSettings {
    static let messenger = PlatformSettings(prefix: "MESSENGER") { settings in
        let token = settings.text("MESSENGER_PAGE_ACCESS_TOKEN", isSecret: true)
        let verify = settings.text("MESSENGER_VERIFY_TOKEN", isSecret: true)
        let secret = settings.text("MESSENGER_APP_SECRET", isSecret: true)
        let base = settings.url("MESSENGER_API_BASE", default: "https://graph.facebook.com")
        let credentials = ["MESSENGER_PAGE_ACCESS_TOKEN", "MESSENGER_VERIFY_TOKEN", "MESSENGER_APP_SECRET"]
        guard settings.isOn("MESSENGER", credentials: credentials), let token, let verify, let secret, let base else {
            return nil
        }
        return MessengerAdapter(
            configuration: MessengerConfiguration(
                pageAccessToken: Secret(token), verifyToken: Secret(verify), appSecret: Secret(secret), apiBase: base))
    }
}
