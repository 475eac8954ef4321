public import BridgeCore
import Crypto
import JSON

/// Any endpoint that takes our normalized message and answers with a text: the shortest way to an agent of one's own.
///
/// It is sent one object by `POST`; what is not known is left out:
///
/// ```json
/// {"v":1,"id":"0199…","platform":"telegram","account":"default","conversation":"-100123","thread":"7","group":true,
///  "user":"42","user_name":"Ada","language":"de","session":"telegram:-100123:7","type":"text","text":"hi","attachments":[],
///  "message_id":"581","reply_to":"580","sent_at":"2026-11-20T10:00:00.000000Z","metadata":{},"stream":true}
/// ```
///
/// `id` is our name of the message and stays the same when it is asked again; `message_id`, `reply_to` and `target` are the
/// platform's; `session` names the conversation across platforms. Pictures themselves come only where that is configured, as
/// `"media":[{"name":"…","content_type":"image/jpeg","data":"base64"}]`. It may answer in three ways:
///
/// - `{"text":"…"}`, with `"request_id"` and `"finish_reason"` where it likes, and files in
///   `"attachments":[{"url":"…"}]` (or `"data"` in base64; `"content_type"`, `"name"`); `{"error":"…"}` when it cannot.
/// - The text alone as `text/plain` or `text/markdown`.
/// - When `stream` is true, `text/event-stream`: `data: {"delta":"…"}` for each piece, `data: [DONE]` at the end,
///   `attachments` in any of them; `data: {"error":"…"}` when it fails midway.
public struct HTTPAgent: Agent {
    /// `http`.
    public var name: String { "http" }

    /// False: the agent gets the session's name and keeps what it wants.
    public var needsHistory: Bool { false }

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

    /// The request with the message, and the decoder of its response.
    public func ask(_ turn: AgentTurn) -> AgentCall {
        var writer = JSONWriter(capacity: 768 + turn.text.utf8.count)
        writer.object { HTTPAgent.write(turn, to: &$0) }
        // The address is taken as it is: here, a trailing slash may mean something.
        let request = endpoint.post(writer.bytes, at: url, isStreaming: turn.isStreaming)
        return .request(
            request, decoder: ResponseDecoder(HTTPAgentReader(words: endpoint.words), words: endpoint.words))
    }

    private static func write(_ turn: AgentTurn, to object: inout JSONWriter) {
        let event = turn.event
        object.field("v", 1)
        object.field("id", turn.id.description)
        object.field("platform", turn.platform.rawValue)
        object.field("account", event.place.account.rawValue)
        object.field("conversation", event.place.conversation.rawValue)
        object.field("thread", event.place.thread?.rawValue)
        object.field("group", event.place.isGroup)
        object.field("user", event.sender?.id.rawValue)
        object.field("user_name", event.sender?.name)
        object.field("language", turn.language)
        object.field("session", turn.threadName)
        object.field("type", event.kind.rawValue)
        object.field("text", turn.text)
        object.arrayField("attachments") { list in
            for attachment in event.attachments { attachment.write(to: &list) }
        }
        if !turn.media.isEmpty {
            object.arrayField("media") { list in
                for media in turn.media {
                    list.object {
                        $0.field("name", media.name)
                        $0.field("content_type", media.contentType)
                        $0.field("data", Base64.encode(media.bytes))
                    }
                }
            }
        }
        object.field("message_id", event.messageID?.rawValue)
        object.field("reply_to", event.replyTo?.rawValue)
        object.field("target", event.target?.rawValue)
        object.field("sent_at", event.sentAt?.description)
        object.objectField("metadata") { event.metadata.writeFields(to: &$0) }
        object.field("stream", turn.isStreaming)
    }
}
