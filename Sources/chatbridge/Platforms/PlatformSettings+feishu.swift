import BridgeCore
import FeishuAdapter

extension PlatformSettings {
    static let feishu = PlatformSettings(prefix: "FEISHU") { settings in
        let app = settings.text("FEISHU_APP_ID")
        let secret = settings.text("FEISHU_APP_SECRET", isSecret: true)
        let key = settings.text("FEISHU_ENCRYPT_KEY", isSecret: true)
        let token = settings.text("FEISHU_VERIFICATION_TOKEN", isSecret: true)
        let base = settings.url("FEISHU_API_BASE", default: FeishuConfiguration.defaultAPIBase)
        guard settings.isOn("FEISHU", credentials: ["FEISHU_APP_ID", "FEISHU_APP_SECRET"]), let app, let secret,
            let base
        else { return nil }
        if key == nil && token == nil {
            settings.report(
                "FEISHU_ENCRYPT_KEY or FEISHU_VERIFICATION_TOKEN: needed to tell Feishu's events from forged ones")
        }
        return FeishuAdapter(
            configuration: FeishuConfiguration(
                appID: app, appSecret: Secret(secret), encryptKey: key.map { Secret($0) },
                verificationToken: token.map { Secret($0) }, apiBase: base))
    }
}
