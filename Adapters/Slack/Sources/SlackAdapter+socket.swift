public import BridgeCore
internal import HTTPCore
internal import JSON

extension SlackAdapter: GatewayConnecting {
    /// True when there is an app-level token.
    public var isGatewayEnabled: Bool { configuration.appToken != nil }

    /// A session of Socket Mode.
    public func makeGatewaySession() -> any GatewaySession {
        SlackSocketSession(adapter: self)
    }

    /// `apps.connections.open`, the one call that takes the app-level token.
    func connectionRequest() -> OutboundRequest {
        OutboundRequest(
            url: "\(configuration.apiBase)/apps.connections.open",
            headers: [
                "Content-Type": "application/x-www-form-urlencoded",
                "Authorization": "Bearer \(configuration.appToken?.value ?? "")",
            ])
    }
}
