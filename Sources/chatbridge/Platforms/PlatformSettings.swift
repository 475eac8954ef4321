import BridgeCore

/// How one platform's variables are read, and the adapter that they make.
///
/// A new adapter adds a file `PlatformSettings+NAME.swift` and its name to ``all``.
struct PlatformSettings: Sendable {
    /// What its variables begin with, as in `TELEGRAM`.
    let prefix: String
    /// The platform's name.
    let platform: PlatformName
    /// Reads the variables; nil when the platform is off or its variables are wrong (which is reported).
    let read: @Sendable (inout SettingsReader) -> (any Adapter)?

    /// A platform; its name is the prefix in lower case unless given.
    init(
        prefix: String, platform: String? = nil, read: @escaping @Sendable (inout SettingsReader) -> (any Adapter)?
    ) {
        self.prefix = prefix
        self.platform = PlatformName(platform ?? prefix.lowercased())
        self.read = read
    }

    /// Every platform but the web page, which has no credentials.
    static let all = [
        telegram,
        slack,
        line,
        viber,
        zalo,
        zalobot,
        msteams,
        whatsapp,
        discord,
        mattermost,
        rocketchat,
        matrix,
        googlechat,
        feishu,
        messenger,
        instagram,
        twilio,
        github,
        webhook,
    ]

    /// What variables of ours begin with: a variable that does and is not known is a typing mistake.
    static let ownPrefixes =
        all.map { $0.prefix + "_" } + [
            "MASTRA_", "AGENT_", "OPENAI_RESPONSE", "LOG_", "LOGGER_", "SPOOL_", "REDIS_", "SESSION_TTL",
            "CONVERSATION_", "WEB_",
            "TYPING_", "SHUTDOWN_TIMEOUT", "ATTACHMENT_",
        ]
}

extension SettingsReader {
    /// True when a platform is on: its credentials are all set, unless `X_ENABLED` says otherwise.
    mutating func isOn(_ prefix: String, credentials: [String]) -> Bool {
        let wish = boolean("\(prefix)_ENABLED")
        if wish == false { return false }
        let missing = credentials.filter { !isSet($0) }
        if missing.isEmpty { return true }
        // Half of the credentials is a mistake too: the other half was forgotten.
        if wish == true || missing.count < credentials.count {
            report("\(missing.joined(separator: " and ")): missing, \(prefix) needs it")
        }
        return false
    }
}
