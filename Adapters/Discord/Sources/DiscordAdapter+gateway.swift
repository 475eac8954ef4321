public import BridgeCore
internal import HTTPCore

extension DiscordAdapter: GatewayConnecting {
    /// True unless the configuration asks for interactions alone.
    public var isGatewayEnabled: Bool { configuration.isGatewayEnabled }

    /// A session that identifies itself when it is first connected.
    public func makeGatewaySession() -> any GatewaySession {
        DiscordGatewaySession(configuration: configuration, jitter: { .random(in: 0..<1) })
    }

    /// Asks for the Gateway's address, and how many sessions the bot may begin today.
    func gatewayQuery() -> OutboundRequest {
        OutboundRequest(method: .get, url: "\(configuration.apiBase)/gateway/bot", headers: headers)
    }
}
