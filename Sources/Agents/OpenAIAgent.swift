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
                OpenAIAgent.write("user", turn.text, to: &messages)
            }
            body.field("stream", turn.isStreaming)
            if turn.isStreaming, configuration.asksForUsage {
                body.objectField("stream_options") { $0.field("include_usage", true) }
            }
            body.field("user", OpenAIAgent.shortened(turn.resourceName))
        }
        let request = endpoint.post(writer.bytes, to: "/chat/completions", isStreaming: turn.isStreaming)
        return .request(request, decoder: ResponseDecoder(OpenAIReader(words: endpoint.words), words: endpoint.words))
    }

    private static func write(_ role: String, _ content: String, to messages: inout JSONWriter) {
        messages.object { message in
            message.field("role", role)
            message.field("content", content)
        }
    }

    /// The user's name within the 64 characters that OpenAI allows; a longer one keeps its start and gets a hash (FNV-1a).
    private static func shortened(_ user: String) -> String {
        guard user.unicodeScalars.count > 64 else { return user }
        let hash = user.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        var kept = String.UnicodeScalarView()
        kept.append(contentsOf: user.unicodeScalars.prefix(47))
        return String(kept) + "-" + String(hash, radix: 16)
    }
}
