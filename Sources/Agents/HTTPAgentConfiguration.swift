public import HTTPCore

/// Where an agent with an address of its own is reached: one behind our own message format, of A2A or of AG-UI.
public struct HTTPAgentConfiguration: Sendable {
    /// The whole address to which messages are posted, or below which the agent card is (`AGENT_URL`).
    public var url: String
    /// Header fields besides, a token for instance (`AGENT_HEADERS`); they replace ours of the same name.
    public var headers: HTTPFields
    /// True to send the pictures of users themselves, besides what is known of them (`AGENT_IMAGES`).
    public var takesImages: Bool

    /// An agent at an address.
    public init(url: String, headers: HTTPFields = [:], takesImages: Bool = false) {
        self.url = url
        self.headers = headers
        self.takesImages = takesImages
    }
}
