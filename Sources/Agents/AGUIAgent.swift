public import BridgeCore
import Crypto
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

    /// As configured.
    public let takesImages: Bool

    private let url: String
    private let endpoint: AgentEndpoint

    /// The agent at the configured address.
    public init(configuration: HTTPAgentConfiguration) {
        endpoint = AgentEndpoint(base: "", apiKey: nil, extra: configuration.headers)
        takesImages = configuration.takesImages
        url = configuration.url
    }

    /// The request for a run, and the decoder of its events.
    public func ask(_ turn: AgentTurn) -> AgentCall {
        let size = turn.history.reduce(turn.text.utf8.count) { $0 + $1.text.utf8.count + 100 }
        var writer = JSONWriter(capacity: 1536 + size)
        writer.object { write(turn, to: &$0) }
        // There is no other answer than a stream, whether or not its pieces are wanted.
        let request = endpoint.post(writer.bytes, at: url, isStreaming: true)
        return .request(request, decoder: ResponseDecoder(AGUIReader(words: endpoint.words), words: endpoint.words))
    }

    private func write(_ turn: AgentTurn, to body: inout JSONWriter) {
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
                writeContent(of: turn, files: takesImages ? turn.files : [], to: &$0)
            }
        }
        // The interrupts that the last run ended with, all answered by this message.
        if let interrupts = turn.continuation {
            body.arrayField("resume") { resume in
                for interrupt in interrupts.split(separator: "\n") {
                    resume.object {
                        $0.field("interruptId", String(interrupt))
                        $0.field("status", "resolved")
                        $0.field("payload", turn.text)
                    }
                }
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

    /// The words alone, or in parts (ag-ui-protocol 1.0, `ContentPart`; the `binary` part of earlier versions is gone).
    private func writeContent(of turn: AgentTurn, files: [AgentFile], to message: inout JSONWriter) {
        guard !files.isEmpty else { return message.field("content", turn.text) }
        message.arrayField("content") { content in
            content.object {
                $0.field("type", "text")
                $0.field("text", turn.text)
            }
            for file in files {
                content.object { part in
                    switch file.kind {
                    case .image, .audio, .video: part.field("type", file.kind.rawValue)
                    default: part.field("type", "document")
                    }
                    part.objectField("source") { source in
                        switch file.content {
                        case .bytes(let bytes):
                            source.field("type", "data")
                            source.field("value", Base64.encode(bytes))
                        case .url(let url):
                            source.field("type", "url")
                            source.field("value", url)
                        }
                        source.field("mimeType", file.contentType)
                    }
                    if let name = file.name { part.objectField("metadata") { $0.field("filename", name) } }
                }
            }
        }
    }
}
