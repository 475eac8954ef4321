import BridgeCore
import InstagramAdapter

extension PlatformSettings {
    static let instagram = PlatformSettings(prefix: "INSTAGRAM") { settings in
        let token = settings.text("INSTAGRAM_PAGE_ACCESS_TOKEN", isSecret: true)
        let verify = settings.text("INSTAGRAM_VERIFY_TOKEN", isSecret: true)
        let secret = settings.text("INSTAGRAM_APP_SECRET", isSecret: true)
        let base = settings.url("INSTAGRAM_API_BASE")
        let credentials = ["INSTAGRAM_PAGE_ACCESS_TOKEN", "INSTAGRAM_VERIFY_TOKEN", "INSTAGRAM_APP_SECRET"]
        guard settings.isOn("INSTAGRAM", credentials: credentials), let token, let verify, let secret else {
            return nil
        }
        return InstagramAdapter(
            configuration: InstagramConfiguration(
                accessToken: Secret(token), verifyToken: Secret(verify), appSecret: Secret(secret), apiBase: base))
    }
}
