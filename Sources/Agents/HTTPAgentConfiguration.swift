public import HTTPCore

/// Where an agent behind our own message format is reached.
public struct HTTPAgentConfiguration: Sendable {
    /// The whole address to which messages are posted (`AGENT_URL`).
    public var url: String
    /// Header fields besides, a token for instance (`AGENT_HEADERS`); they replace ours of the same name.
    public var headers: HTTPFields

    /// An agent at an address.
    public init(url: String, headers: HTTPFields = [:]) {
        self.url = url
        self.headers = headers
    }
}
