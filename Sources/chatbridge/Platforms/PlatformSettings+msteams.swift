import BridgeCore
import MSTeamsAdapter

extension PlatformSettings {
    static let msteams = PlatformSettings(prefix: "TEAMS", platform: "msteams") { settings in
        let app = settings.text("TEAMS_APP_ID")
        let password = settings.text("TEAMS_APP_PASSWORD", isSecret: true)
        let tenant = settings.text("TEAMS_TENANT_ID")
        let keys = settings.url("TEAMS_JWKS_URL")
        let base = settings.url("TEAMS_API_BASE")
        guard settings.isOn("TEAMS", credentials: ["TEAMS_APP_ID", "TEAMS_APP_PASSWORD"]), let app, let password else {
            return nil
        }
        return MSTeamsAdapter(
            configuration: MSTeamsConfiguration(
                appID: app, appPassword: Secret(password), tenantID: tenant, keysURL: keys, apiBase: base))
    }
}
