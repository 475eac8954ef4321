import BridgeCore
import ZaloAdapter

extension PlatformSettings {
    static let zalo = PlatformSettings(prefix: "ZALO") { settings in
        let app = settings.text("ZALO_APP_ID")
        let appSecret = settings.text("ZALO_APP_SECRET", isSecret: true)
        let oaSecret = settings.text("ZALO_OA_SECRET_KEY", isSecret: true)
        let access = settings.text("ZALO_OA_ACCESS_TOKEN", isSecret: true)
        let refresh = settings.text("ZALO_OA_REFRESH_TOKEN", isSecret: true)
        let base = settings.url("ZALO_API_BASE", default: ZaloConfiguration.defaultAPIBase)
        let needed = [
            "ZALO_APP_ID", "ZALO_APP_SECRET", "ZALO_OA_SECRET_KEY", "ZALO_OA_ACCESS_TOKEN", "ZALO_OA_REFRESH_TOKEN",
        ]
        guard settings.isOn("ZALO", credentials: needed), let app, let appSecret, let oaSecret, let access,
            let refresh, let base
        else { return nil }
        return ZaloAdapter(
            configuration: ZaloConfiguration(
                appID: app, appSecret: Secret(appSecret), oaSecretKey: Secret(oaSecret), accessToken: Secret(access),
                refreshToken: Secret(refresh), apiBase: base))
    }
}
