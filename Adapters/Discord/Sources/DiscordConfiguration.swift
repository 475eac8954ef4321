public import BridgeCore

/// What a Discord application needs to know of itself.
public struct DiscordConfiguration: Sendable {
    /// The application's id, which is the bot's user id too but for applications older than 2016.
    public var applicationID: String
    /// The public key of the application, 64 hexadecimal digits: interactions are verified with it.
    public var publicKey: String
    /// The bot's token, without `Bot ` before it.
    public var botToken: Secret
    /// Whether the Gateway is connected; without it only interactions and webhook events come in.
    public var isGatewayEnabled: Bool
    /// Where the API is, without a slash at its end; another host for tests and proxies.
    public var apiBase: String

    /// An application's configuration.
    public init(
        applicationID: String, publicKey: String, botToken: Secret, isGatewayEnabled: Bool = true,
        apiBase: String = "https://discord.com/api/v10"
    ) {
        self.applicationID = applicationID
        self.publicKey = publicKey
        self.botToken = botToken
        self.isGatewayEnabled = isGatewayEnabled
        self.apiBase = apiBase
    }

    /// What is wrong with the values, a line each; empty when they can be right.
    public var problems: [String] {
        var problems: [String] = []
        if publicKey.utf8.count != 64 || !publicKey.utf8.allSatisfy({ Self.hexadecimal.contains($0) }) {
            problems.append("DISCORD_PUBLIC_KEY: 64 hexadecimal digits, from General Information of the application")
        }
        if applicationID.isEmpty || applicationID.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: "/") }) {
            problems.append("DISCORD_APPLICATION_ID: the application's id, from its General Information")
        }
        return problems
    }

    private static let hexadecimal = Array("0123456789abcdefABCDEF".utf8)
}
