import Glibc
import GoogleChatAdapter

extension PlatformSettings {
    static let googlechat = PlatformSettings(prefix: "GOOGLE_CHAT", platform: "googlechat") { settings in
        let account = settings.text("GOOGLE_CHAT_SERVICE_ACCOUNT", isSecret: true)
        let audience = settings.text("GOOGLE_CHAT_AUDIENCE")
        let push = settings.text("GOOGLE_CHAT_PUSH_ACCOUNT")
        let keys = settings.url("GOOGLE_CHAT_JWKS_URL")
        let base = settings.url("GOOGLE_CHAT_API_BASE", default: GoogleChatConfiguration.defaultAPIBase)
        guard
            settings.isOn("GOOGLE_CHAT", credentials: ["GOOGLE_CHAT_SERVICE_ACCOUNT", "GOOGLE_CHAT_AUDIENCE"]),
            let account, let audience, let base
        else { return nil }
        // Containers are given secrets as variables, machines as files.
        let isContent = account.first { !$0.isWhitespace } == "{"
        guard let bytes = isContent ? Array(account.utf8) : contents(of: account) else {
            settings.report(
                "GOOGLE_CHAT_SERVICE_ACCOUNT: the file cannot be read; a service account's JSON file is expected")
            return nil
        }
        guard let serviceAccount = GoogleServiceAccount(parsing: bytes) else {
            settings.report(
                "GOOGLE_CHAT_SERVICE_ACCOUNT: no service account with an RSA key; take the JSON file from the Google Cloud"
                    + " console (IAM, Service accounts, Keys)")
            return nil
        }
        return GoogleChatAdapter(
            configuration: GoogleChatConfiguration(
                serviceAccount: serviceAccount, audience: audience, pushAccount: push, keysURL: keys, apiBase: base))
    }

    /// The bytes of a small file; nil when it cannot be read or is longer than 64 KiB.
    private static func contents(of path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_537)
        let count = fread(&bytes, 1, bytes.count, file)
        return ferror(file) == 0 && count <= 65_536 ? Array(bytes.prefix(count)) : nil
    }
}
