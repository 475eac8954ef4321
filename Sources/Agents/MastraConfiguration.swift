public import HTTPCore

/// Which agent of which Mastra server is asked, and how it is reached.
public struct MastraConfiguration: Sendable {
    /// The server's address with its prefix, as in `http://localhost:4111/api` (`MASTRA_ENDPOINT`).
    public var endpoint: String
    /// The agent's name on the server (`MASTRA_AGENT_ID`).
    public var agentID: String
    /// Sent as a bearer token; nil for a server without authentication (`MASTRA_API_KEY`).
    public var apiKey: String?
    /// Header fields besides (`MASTRA_HEADERS`); they replace ours of the same name.
    public var headers: HTTPFields
    /// True to show the agent the pictures that users send (`AGENT_IMAGES`).
    public var takesImages: Bool

    /// An agent of a server.
    public init(
        endpoint: String, agentID: String, apiKey: String? = nil, headers: HTTPFields = [:], takesImages: Bool = true
    ) {
        self.endpoint = endpoint
        self.agentID = agentID
        self.apiKey = apiKey
        self.headers = headers
        self.takesImages = takesImages
    }
}
