public import BridgeCore

extension MattermostAdapter: GatewayConnecting {
    /// True when the configuration asks for it.
    public var isGatewayEnabled: Bool { configuration.isWebSocketEnabled }

    /// A session that has not been connected yet.
    public func makeGatewaySession() -> any GatewaySession {
        MattermostSocketSession(adapter: self)
    }
}
