public import BridgeCore
import HTTPCore
import JSON

/// An agent of a Mastra server (`POST {endpoint}/agents/{id}/generate` and `/stream`), which keeps the memory itself.
///
/// The memory's thread is `platform:conversation[:thread]`, its resource `platform:user`; what else is known of the message
/// goes along as `requestContext`, where the agent's instructions and tools can read it.
public struct MastraAgent: Agent {
    /// `mastra`.
    public var name: String { "mastra" }

    /// False: Mastra loads the thread's earlier messages.
    public var needsHistory: Bool { false }

    /// As configured.
    public let takesImages: Bool

    private let endpoint: AgentEndpoint
    private let generateURL: String
    private let streamURL: String

    /// The agent that the configuration names.
    public init(configuration: MastraConfiguration) {
        endpoint = AgentEndpoint(
            base: configuration.endpoint, apiKey: configuration.apiKey, extra: configuration.headers)
        takesImages = configuration.takesImages
        let base = "\(endpoint.base)/agents/\(HTTPPercentEncoding.encode(configuration.agentID))/"
        generateURL = base + "generate"
        streamURL = base + "stream"
    }

    /// The request to `/stream` or `/generate`, and the decoder of its response.
    public func ask(_ turn: AgentTurn) -> AgentCall {
        var writer = JSONWriter(capacity: 512 + turn.text.utf8.count)
        writer.object { body in
            body.arrayField("messages") { messages in
                messages.object { message in
                    message.field("role", "user")
                    MastraAgent.writeContent(of: turn, pictures: takesImages ? turn.pictures : [], to: &message)
                }
            }
            body.objectField("memory") { memory in
                memory.field("thread", turn.threadName)
                memory.field("resource", turn.resourceName)
            }
            body.objectField("requestContext") { context in
                for pair in turn.context {
                    context.key(pair.name)
                    context.value(pair.value)
                }
            }
        }
        let request = endpoint.post(
            writer.bytes, at: turn.isStreaming ? streamURL : generateURL, isStreaming: turn.isStreaming)
        let reader = MastraReader(isStreaming: turn.isStreaming, words: endpoint.words)
        return .request(request, decoder: ResponseDecoder(reader, words: endpoint.words))
    }

    /// The words alone, or in parts as the AI SDK has them: its version 4 says `mimeType`, later ones `mediaType`.
    private static func writeContent(of turn: AgentTurn, pictures: [AgentFile], to message: inout JSONWriter) {
        guard !pictures.isEmpty else { return message.field("content", turn.text) }
        message.arrayField("content") { content in
            content.object {
                $0.field("type", "text")
                $0.field("text", turn.text)
            }
            for picture in pictures {
                content.object {
                    $0.field("type", "image")
                    $0.field("image", picture.url)
                    $0.field("mimeType", picture.contentType)
                    $0.field("mediaType", picture.contentType)
                }
            }
        }
    }
}
