import BridgeCore
import MatrixAdapter

extension PlatformSettings {
    static let matrix = PlatformSettings(prefix: "MATRIX") { settings in
        let homeserver = settings.url("MATRIX_HOMESERVER")
        let asToken = settings.text("MATRIX_AS_TOKEN", isSecret: true)
        let hsToken = settings.text("MATRIX_HS_TOKEN", isSecret: true)
        let userID = settings.text("MATRIX_USER_ID")
        let base = settings.url("MATRIX_API_BASE")
        guard
            settings.isOn(
                "MATRIX", credentials: ["MATRIX_HOMESERVER", "MATRIX_AS_TOKEN", "MATRIX_HS_TOKEN", "MATRIX_USER_ID"]),
            let homeserver, let asToken, let hsToken, let userID
        else { return nil }
        let configuration = MatrixConfiguration(
            userID: userID, asToken: Secret(asToken), hsToken: Secret(hsToken), apiBase: base ?? homeserver)
        for problem in configuration.problems { settings.report(problem) }
        return MatrixAdapter(configuration: configuration)
    }
}
