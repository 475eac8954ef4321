import BridgeCore
import TwilioAdapter

extension PlatformSettings {
    static let twilio = PlatformSettings(prefix: "TWILIO") { settings in
        let account = settings.text("TWILIO_ACCOUNT_SID")
        let token = settings.text("TWILIO_AUTH_TOKEN", isSecret: true)
        let sender = settings.text("TWILIO_FROM")
        let base = settings.url("TWILIO_API_BASE", default: TwilioConfiguration.defaultAPIBase)
        let credentials = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"]
        guard settings.isOn("TWILIO", credentials: credentials), let account, let token, let sender, let base else {
            return nil
        }
        let publicURL = settings.urlRead("PUBLIC_URL")
        if publicURL == nil {
            settings.warn(
                "PUBLIC_URL: Twilio signs the address that it calls; without it the address is guessed from the Host header,"
                    + " and no delivery receipts are asked for")
        }
        return TwilioAdapter(
            configuration: TwilioConfiguration(
                accountSID: account, authToken: Secret(token), sender: sender, publicURL: publicURL, apiBase: base))
    }
}
