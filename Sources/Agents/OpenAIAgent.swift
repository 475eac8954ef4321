public import BridgeCore
import JSON

/// A model behind the Chat Completions API (`POST {base}/chat/completions`), as OpenAI, Ollama, vLLM, LiteLLM and
/// llama.cpp serve it.
///
/// It keeps no memory: each turn carries the earlier ones.
public struct OpenAIAgent: Agent {
    /// `openai`.
    public var name: String { "openai" }

    /// True: the API forgets everything between two requests.
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
        var writer = JSONWriter(capacity: 512 + size)
        writer.object { body in
            body.field("model", configuration.model)
            body.arrayField("messages") { messages in
                if let instructions = configuration.instructions, !instructions.isEmpty {
                    OpenAIAgent.write("system", instructions, to: &messages)
                }
                for message in turn.history { OpenAIAgent.write(message.role.rawValue, message.text, to: &messages) }
                OpenAIAgent.write(turn, pictures: configuration.takesImages ? turn.pictures : [], to: &messages)
            }
            body.field("stream", turn.isStreaming)
            if turn.isStreaming, configuration.asksForUsage {
                body.objectField("stream_options") { $0.field("include_usage", true) }
            }
            // At most 64 characters (OpenAI's API reference). `metadata`, which could say more, is refused by OpenAI's Chat
            // Completions unless `store` is on.
            body.field("user", turn.resourceName.shortened(to: 64))
        }
        let request = endpoint.post(writer.bytes, to: "/chat/completions", isStreaming: turn.isStreaming)
        return .request(request, decoder: ResponseDecoder(OpenAIReader(words: endpoint.words), words: endpoint.words))
    }

    private static func write(_ turn: AgentTurn, pictures: [AgentFile], to messages: inout JSONWriter) {
        guard !pictures.isEmpty else { return write("user", turn.text, to: &messages) }
        messages.object { message in
            message.field("role", "user")
            message.arrayField("content") { content in
                content.object {
                    $0.field("type", "text")
                    $0.field("text", turn.text)
                }
                for picture in pictures {
                    content.object { part in
                        part.field("type", "image_url")
                        part.objectField("image_url") { $0.field("url", picture.url) }
                    }
                }
            }
        }
    }

    private static func write(_ role: String, _ content: String, to messages: inout JSONWriter) {
        messages.object { message in
            message.field("role", role)
            message.field("content", content)
        }
    }
}
