public import BridgeCore
internal import HTTPCore
internal import JSON

extension MatrixAdapter {
    /// The request of the client-server API for an action; nil for button presses, which Matrix has none of.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            let writer = MatrixContentWriter(
                text: text, isMarkdown: format == .markdown, relation: relation(of: action),
                transaction: transaction(of: action))
            return send(writer.content(), for: action)
        case .edit(let message, let text, let format):
            let writer = MatrixContentWriter(
                text: text, isMarkdown: format == .markdown, relation: .edit(of: message.rawValue),
                transaction: transaction(of: action))
            return send(writer.content(), for: action)
        case .sendAttachment(let attachment, let caption):
            return media(attachment, caption: caption, of: action).map { send($0, for: action) }
        case .typing:
            var writer = JSONWriter(capacity: 64)
            writer.object { typing in
                typing.field("typing", true)
                // It ends with this time where no later one renews it; a little more than how often that is done.
                typing.field("timeout", 6000)
            }
            return call(.put, "rooms/\(room(of: action))/typing/\(encoded(configuration.userID))", writer.bytes)
        case .join:
            let room = action.replyContext[ReplyContextKey.room].map(encoded) ?? room(of: action)
            var query = ""
            if let server = action.replyContext[ReplyContextKey.server].map(encoded) {
                // The name before version 1.12 of the specification, and the one since.
                query = "&server_name=\(server)&via=\(server)"
            }
            return call(.post, "join/\(room)", Array("{}".utf8), query: query)
        case .acknowledgeButton, .sendBatch:
            return nil
        }
    }

    private func send(_ content: [UInt8], for action: OutboundAction) -> OutboundRequest {
        let transaction = encoded(transaction(of: action))
        return call(.put, "rooms/\(room(of: action))/send/m.room.message/\(transaction)", content)
    }

    /// By this name the homeserver tells a repeated send from a new one.
    func transaction(of action: OutboundAction) -> String {
        action.replyContext[ReplyContextKey.transaction] ?? action.id.description
    }

    func relation(of action: OutboundAction) -> MatrixContentWriter.Relation {
        if let root = action.place.thread?.rawValue {
            return .thread(root: root, last: action.replyTo?.rawValue ?? root)
        }
        if let message = action.replyTo?.rawValue, let asker = action.replyContext[ReplyContextKey.asker] {
            return .reply(to: message, of: asker)
        }
        return .none
    }

    func room(of action: OutboundAction) -> String { encoded(action.place.conversation.rawValue) }

    private func encoded(_ text: String) -> String { HTTPPercentEncoding.encode(text) }

    /// A request to the client-server API in the name of our user, which an application service has to give wherever
    /// it is not the one of the registration's `sender_localpart` ("Identity assertion").
    func call(_ method: HTTPMethod, _ path: String, _ body: [UInt8] = [], query: String = "") -> OutboundRequest {
        OutboundRequest(
            method: method,
            url: "\(configuration.apiBase)/_matrix/client/v3/\(path)?user_id=\(encoded(configuration.userID))\(query)",
            headers: body.isEmpty
                ? ["Authorization": authorization]
                : ["Authorization": authorization, "Content-Type": "application/json"],
            body: body)
    }
}
