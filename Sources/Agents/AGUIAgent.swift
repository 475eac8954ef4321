public import BridgeCore
import HTTPCore
import JSON

/// An agent that speaks AG-UI: a run is asked for by `POST` and told as a stream of events.
///
/// In this protocol the application holds the conversation: `messages` are all there were. An agent with a memory of its own
/// knows them by their ids, which stay the same from turn to turn. What is known of the message stands in `context`, and as an
/// object in `forwardedProps` (ag-ui-protocol 1.0, `RunAgentInput`).
public struct AGUIAgent: Agent {
    /// `agui`.
    public var name: String { "agui" }

    /// True: an agent is given the whole conversation.
    public var needsHistory: Bool { true }

    private let url: String
    private let endpoint: AgentEndpoint

    /// The agent at the configured address.
    public init(configuration: HTTPAgentConfiguration) {
        endpoint = AgentEndpoint(base: "", apiKey: nil, extra: configuration.headers)
        url = configuration.url
    }

    /// The request for a run, and the decoder of its events.
    public func ask(_ turn: AgentTurn) -> AgentCall {
        let size = turn.history.reduce(turn.text.utf8.count) { $0 + $1.text.utf8.count + 100 }
        var writer = JSONWriter(capacity: 1536 + size)
        writer.object { AGUIAgent.write(turn, to: &$0) }
        // There is no other answer than a stream, whether or not its pieces are wanted.
        let request = endpoint.post(writer.bytes, at: url, isStreaming: true)
        return .request(request, decoder: ResponseDecoder(AGUIReader(words: endpoint.words), words: endpoint.words))
    }

    private static func write(_ turn: AgentTurn, to body: inout JSONWriter) {
        body.field("threadId", turn.threadName)
        body.field("runId", turn.id.description)
        body.objectField("state") { _ in }
        body.arrayField("messages") { messages in
            for (index, message) in turn.history.enumerated() {
                messages.object {
                    $0.field("id", message.id ?? "\(turn.id)-\(index)")
                    $0.field("role", message.role.rawValue)
                    $0.field("content", message.text)
                }
            }
            messages.object {
                $0.field("id", turn.id.description)
                $0.field("role", "user")
                $0.field("content", turn.text)
            }
        }
        body.arrayField("tools") { _ in }
        body.arrayField("context") { context in
            for pair in turn.context {
                context.object {
                    $0.field("description", "\(pair.name)")
                    $0.field("value", pair.value)
                }
            }
        }
        body.objectField("forwardedProps") { properties in
            for pair in turn.context {
                properties.key(pair.name)
                properties.value(pair.value)
            }
        }
    }
}
