public import BridgeCore
internal import HTTPCore
internal import JSON

extension TelegramAdapter {
    /// The Bot API call for an action; nil for typing where the bot is only a guest.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            if let query = action.replyContext[ReplyContextKey.guestQuery] {
                return guestAnswer(to: query, text: text, format: format, id: action.id)
            }
            return call(methods.sendMessage, about: action, text) { json in
                writeText(text, format, named: "text", to: &json)
                if let thread = action.place.thread.flatMap({ Int64($0.rawValue) }) {
                    json.field("message_thread_id", thread)
                }
                // In a group an answer shows what it answers; alone with one person that would be noise.
                if action.place.isGroup, let original = action.replyTo.flatMap({ Int64($0.rawValue) }) {
                    json.objectField("reply_parameters") { reply in
                        reply.field("message_id", original)
                        reply.field("allow_sending_without_reply", true)
                    }
                }
            }
        case .edit(let message, let text, let format):
            if let inlineID = message.inlineID {
                return post(methods.editMessageText, capacity: text.utf8.count) { json in
                    json.field("inline_message_id", inlineID)
                    writeText(text, format, named: "text", to: &json)
                }
            }
            return call(methods.editMessageText, about: action, text) { json in
                writeID(message.rawValue, named: "message_id", to: &json)
                writeText(text, format, named: "text", to: &json)
            }
        case .typing:
            if action.replyContext[ReplyContextKey.guestQuery] != nil { return nil }
            return call(methods.sendChatAction, about: action, "") { json in
                json.field("action", "typing")
                if let thread = action.place.thread.flatMap({ Int64($0.rawValue) }) {
                    json.field("message_thread_id", thread)
                }
            }
        case .acknowledgeButton(let id):
            return post(methods.answerCallbackQuery, capacity: 64) { $0.field("callback_query_id", id) }
        case .sendAttachment(let attachment, let caption):
            // A guest has one message, and it is words.
            if action.replyContext[ReplyContextKey.guestQuery] != nil { return nil }
            return encodeAttachment(attachment, caption: caption, of: action)
        case .sendBatch, .join:
            return nil
        }
    }

    /// A call about a chat.
    private func call(
        _ url: String, about action: OutboundAction, _ text: String, _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        post(url, capacity: text.utf8.count) { json in
            writeID(action.place.conversation.rawValue, named: "chat_id", to: &json)
            json.field("business_connection_id", action.replyContext[ReplyContextKey.businessConnection])
            write(&json)
        }
    }

    /// The one message with which a bot may answer where it was called without being a member.
    private func guestAnswer(
        to query: String, text: String, format: OutboundAction.Format, id: UUID
    ) -> OutboundRequest {
        post(methods.answerGuestQuery, capacity: text.utf8.count) { json in
            json.field("guest_query_id", query)
            json.objectField("result") { result in
                result.field("type", "article")
                result.field("id", id.description)
                result.field("title", "Answer")
                result.objectField("input_message_content") { content in
                    writeText(text, format, named: "message_text", to: &content)
                }
            }
        }
    }

    private func post(_ url: String, capacity: Int, _ write: (inout JSONWriter) -> Void) -> OutboundRequest {
        var writer = JSONWriter(capacity: capacity + capacity / 8 + 128)
        writer.object { write(&$0) }
        return OutboundRequest(url: url, headers: ["Content-Type": "application/json"], body: writer.bytes)
    }

    /// Writes the words, with `parse_mode` only where there is something to format.
    private func writeText(
        _ text: String, _ format: OutboundAction.Format, named name: StaticString, to json: inout JSONWriter
    ) {
        guard format == .markdown, let html = TelegramHTML.formatted(text) else { return json.field(name, text) }
        json.field(name, html)
        json.field("parse_mode", "HTML")
    }

    /// Identifiers are 64-bit numbers; anything else (the `@name` of a channel) goes as text.
    private func writeID(_ id: String, named name: StaticString, to json: inout JSONWriter) {
        if let number = Int64(id) { json.field(name, number) } else { json.field(name, id) }
    }
}
