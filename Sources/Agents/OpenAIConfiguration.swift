public import HTTPCore

/// Which model of which OpenAI-compatible server is asked, and how it is reached.
public struct OpenAIConfiguration: Sendable {
    /// The API's address, as in `https://api.openai.com/v1` or `http://localhost:11434/v1` (`OPENAI_BASE_URL`).
    public var baseURL: String
    /// The model's name (`OPENAI_RESPONSE_MODEL`).
    public var model: String
    /// Sent as a bearer token; nil for servers that want none (`OPENAI_API_KEY`).
    public var apiKey: String?
    /// Sent as the first message, of the role `system`; nil for none (`AGENT_INSTRUCTIONS`).
    public var instructions: String?
    /// Header fields besides; they replace ours of the same name (`AGENT_HEADERS`).
    public var headers: HTTPFields
    /// True to ask for the tokens of streamed answers (`stream_options`); false for servers that refuse the field.
    public var asksForUsage: Bool
    /// True to show the model the pictures that users send (`AGENT_IMAGES`).
    public var takesImages: Bool

    /// A model of a server.
    public init(
        baseURL: String = "https://api.openai.com/v1", model: String, apiKey: String? = nil,
        instructions: String? = nil, headers: HTTPFields = [:], asksForUsage: Bool = true,
        takesImages: Bool = true
    ) {
        self.baseURL = baseURL
        self.model = model
        self.apiKey = apiKey
        self.instructions = instructions
        self.headers = headers
        self.asksForUsage = asksForUsage
        self.takesImages = takesImages
    }
}
