public import BridgeCore
import HTTPCore
import JSON

/// A model or agent behind the Responses API (`POST {base}/responses`), as OpenAI, Ollama, vLLM, LiteLLM and Mastra serve it.
///
/// The conversation so far goes along as input items with each request. `previous_response_id` would spare that, but hangs the
/// memory on what the server happens to store: gateways in front of several servers lose it, and some keep nothing.
public struct ResponsesAgent: Agent {
    /// `responses`.
    public var name: String { "responses" }

    /// True: see above.
    public var needsHistory: Bool { true }

    /// As configured.
    public var takesImages: Bool { configuration.takesImages }

    private let endpoint: AgentEndpoint
    private let configuration: OpenAIConfiguration

    /// The model that the configuration names.
    public init(configuration: OpenAIConfiguration) {
        self.configuration = configuration
        endpoint = AgentEndpoint(
            base: configuration.baseURL, apiKey: configuration.apiKey, extra: configuration.headers)
    }

    /// The request with the instructions, the history and the user's message, and the decoder of its response.
    public func ask(_ turn: AgentTurn) -> AgentCall {
        let size = turn.history.reduce(turn.text.utf8.count) { $0 + $1.text.utf8.count + 40 }
        var writer = JSONWriter(capacity: 768 + size)
        writer.object { body in
            body.field("model", configuration.model)
            if let instructions = configuration.instructions, !instructions.isEmpty {
                body.field("instructions", instructions)
            }
            body.arrayField("input") { input in
                for message in turn.history { ResponsesAgent.write(message.role.rawValue, message.text, to: &input) }
                ResponsesAgent.write(turn, pictures: configuration.takesImages ? turn.pictures : [], to: &input)
            }
            body.field("stream", turn.isStreaming)
            body.objectField("metadata") { ResponsesAgent.writeContext(of: turn, to: &$0) }
            body.field("user", turn.resourceName.shortened(to: 64))
        }
        let request = endpoint.post(writer.bytes, to: "/responses", isStreaming: turn.isStreaming)
        return .request(
            request, decoder: ResponseDecoder(ResponsesReader(words: endpoint.words), words: endpoint.words))
    }

    private static func write(_ turn: AgentTurn, pictures: [AgentFile], to input: inout JSONWriter) {
        guard !pictures.isEmpty else { return write("user", turn.text, to: &input) }
        input.object { item in
            item.field("role", "user")
            item.arrayField("content") { content in
                content.object {
                    $0.field("type", "input_text")
                    $0.field("text", turn.text)
                }
                for picture in pictures {
                    content.object {
                        $0.field("type", "input_image")
                        $0.field("image_url", picture.url)
                    }
                }
            }
        }
    }

    private static func write(_ role: String, _ content: String, to input: inout JSONWriter) {
        input.object { item in
            item.field("role", role)
            item.field("content", content)
        }
    }

    /// At most 16 pairs, values of at most 512 characters (OpenAI's API reference, `metadata`).
    private static func writeContext(of turn: AgentTurn, to metadata: inout JSONWriter) {
        for pair in turn.context {
            metadata.key(pair.name)
            metadata.value(pair.value.shortened(to: 512))
        }
    }
}
