import BridgeCore
import WhatsAppAdapter

extension PlatformSettings {
    static let whatsapp = PlatformSettings(prefix: "WHATSAPP") { settings in
        let token = settings.text("WHATSAPP_ACCESS_TOKEN", isSecret: true)
        let number = settings.text("WHATSAPP_PHONE_NUMBER_ID")
        let verify = settings.text("WHATSAPP_VERIFY_TOKEN", isSecret: true)
        let secret = settings.text("WHATSAPP_APP_SECRET", isSecret: true)
        let base = settings.url("WHATSAPP_API_BASE", default: "https://graph.facebook.com")
        let credentials = [
            "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_VERIFY_TOKEN", "WHATSAPP_APP_SECRET",
        ]
        guard settings.isOn("WHATSAPP", credentials: credentials), let token, let number, let verify, let secret,
            let base
        else { return nil }
        guard number.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            settings.report(
                "WHATSAPP_PHONE_NUMBER_ID: the digits of the number's id are expected, not the number itself")
            return nil
        }
        return WhatsAppAdapter(
            configuration: WhatsAppConfiguration(
                accessToken: Secret(token), phoneNumberID: number, verifyToken: Secret(verify),
                appSecret: Secret(secret), apiBase: base))
    }
}
