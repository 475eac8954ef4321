public import BridgeCore
internal import HTTPCore
internal import JSON

extension FeishuAdapter {
    /// Says in ``InboundEvent/replyContext`` that the message stands in a topic, where its answer belongs too.
    static let topicKey = "topic"

    /// A call of the Open Platform; nil for typing, which bots cannot show, and for attachments that are not uploaded.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            let message = FeishuText.content(text, format)
            return send(message, in: action)
        case .edit(let message, let text, let format):
            let content = FeishuText.content(text, format)
            return call(.put, "im/v1/messages/\(HTTPPercentEncoding.encode(message.rawValue))") { json in
                json.field("msg_type", content.type)
                json.field("content", content.json)
            }
        case .sendAttachment(let attachment, _):
            guard case .uploaded(let reference) = attachment.source,
                let message = FeishuUpload.content(of: reference)
            else { return nil }
            return send(message, in: action)
        case .sendBatch, .typing, .acknowledgeButton, .join:
            return nil
        }
    }

    /// A message: as an answer in topics and threads, and in groups, where the first of several shows what they answer; else
    /// into the chat.
    private func send(_ content: (type: String, json: String), in action: OutboundAction) -> OutboundRequest {
        let isTopic = action.replyContext[Self.topicKey] != nil
        let showsOriginal = isTopic || (action.place.isGroup && action.part == 0)
        let original = showsOriginal ? action.replyTo?.rawValue : nil
        if let target = original ?? action.place.thread?.rawValue {
            return call(.post, "im/v1/messages/\(HTTPPercentEncoding.encode(target))/reply") { json in
                json.field("msg_type", content.type)
                json.field("content", content.json)
                if isTopic { json.field("reply_in_thread", true) }
                json.field("uuid", action.id.description)
            }
        }
        let receiver = action.place.conversation.rawValue
        return call(.post, "im/v1/messages?receive_id_type=\(Self.kind(ofReceiver: receiver))") { json in
            json.field("receive_id", receiver)
            json.field("msg_type", content.type)
            json.field("content", content.json)
            json.field("uuid", action.id.description)
        }
    }

    /// Ids tell what they are of.
    private static func kind(ofReceiver id: String) -> String {
        if id.hasPrefix("ou_") { return "open_id" }
        if id.hasPrefix("on_") { return "union_id" }
        return id.utf8.contains(UInt8(ascii: "@")) ? "email" : "chat_id"
    }

    func call(_ method: HTTPMethod, _ path: String, _ write: (inout JSONWriter) -> Void) -> OutboundRequest {
        var writer = JSONWriter()
        writer.object { write(&$0) }
        return OutboundRequest(
            method: method, url: "\(configuration.apiBase)/open-apis/\(path)",
            headers: ["Content-Type": "application/json; charset=utf-8"], body: writer.bytes)
    }

    /// What the answer means: a code of 0 with data, or another code with words, under any HTTP status.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        guard let code = body["code"].int else { return .failed(FeishuFailure.foreign(response)) }
        if code == 0, response.status.isSuccess {
            if case .edit(let message, _, _) = action.kind { return .delivered(message) }
            return .delivered(body["data"]["message_id"].identifier.map { PlatformMessageID($0) })
        }
        return .failed(FeishuFailure.failure(code: code, response: response, isMarkdown: action.isMarkdown))
    }
}

extension OutboundAction {
    /// Whether the words may be refused for their formatting.
    fileprivate var isMarkdown: Bool {
        switch kind {
        case .send(_, let format), .edit(_, _, let format): format == .markdown
        default: false
        }
    }
}
