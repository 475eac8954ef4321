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

    private let endpoint: AgentEndpoint
    private let path: String

    /// The agent that the configuration names.
    public init(configuration: MastraConfiguration) {
        endpoint = AgentEndpoint(
            base: configuration.endpoint, apiKey: configuration.apiKey, extra: configuration.headers)
        path = "/agents/\(HTTPPercentEncoding.encode(configuration.agentID))/"
    }

    /// The request to `/stream` or `/generate`, and the decoder of its response.
    public func ask(_ turn: AgentTurn) -> AgentCall {
        var writer = JSONWriter(capacity: 512 + turn.text.utf8.count)
        writer.object { body in
            body.arrayField("messages") { messages in
                messages.object { message in
                    message.field("role", "user")
                    message.field("content", turn.text)
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
            writer.bytes, to: path + (turn.isStreaming ? "stream" : "generate"), isStreaming: turn.isStreaming)
        let reader = MastraReader(isStreaming: turn.isStreaming, words: endpoint.words)
        return .request(request, decoder: ResponseDecoder(reader, words: endpoint.words))
    }
}
