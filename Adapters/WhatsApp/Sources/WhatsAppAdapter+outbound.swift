public import BridgeCore
internal import HTTPCore
internal import JSON
internal import Markdown
internal import MetaGraph

extension WhatsAppAdapter {
    /// The call of `/{number}/messages` for an action; nil for typing without a message of the user's to show it at.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        switch action.kind {
        case .send(let text, let format):
            return message(for: action, capacity: text.utf8.count) { json in
                json.field("type", "text")
                json.objectField("text") { body in
                    body.field("preview_url", false)
                    body.field("body", format == .markdown ? whatsAppText(text) : text)
                }
            }
        case .sendAttachment(let attachment, let caption):
            return attachmentMessage(attachment, caption: caption, for: action)
        case .typing:
            // It marks the message as read, too: the platform has no other way to show it.
            guard let message = action.replyTo else { return nil }
            return api.post(messagesPath) { json in
                json.field("messaging_product", "whatsapp")
                json.field("status", "read")
                json.field("message_id", message.rawValue)
                json.objectField("typing_indicator") { $0.field("type", "text") }
            }
        case .edit, .acknowledgeButton, .sendBatch, .join:
            return nil
        }
    }

    /// What the Graph API's answer means: `messages[].id`, or an error with a code.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        switch api.reply(of: response) {
        case .success(let reply): .delivered(reply["messages"][0]["id"].identifier.map { PlatformMessageID($0) })
        case .failure(let failure): .failed(failure)
        }
    }

    /// Characters of a caption ("Media messages").
    private static let captionLimit = 1024

    var messagesPath: String { "/\(configuration.phoneNumberID)/messages" }

    /// The text as WhatsApp formats it.
    private func whatsAppText(_ markdown: String) -> String {
        MarkdownDialect.whatsApp.render(markdown)
    }

    private func message(
        for action: OutboundAction, capacity: Int = 0, _ write: (inout JSONWriter) -> Void
    ) -> OutboundRequest {
        api.post(messagesPath, capacity: capacity) { json in
            json.field("messaging_product", "whatsapp")
            writeRecipient(of: action, to: &json)
            // In a group an answer shows what it answers; alone with one person that would be noise.
            if action.place.isGroup, let original = action.replyTo {
                json.objectField("context") { $0.field("message_id", original.rawValue) }
            }
            write(&json)
        }
    }

    /// `to` takes a number or a group, `recipient` a business-scoped user id.
    private func writeRecipient(of action: OutboundAction, to json: inout JSONWriter) {
        let conversation = action.place.conversation
        json.field("recipient_type", action.place.isGroup ? "group" : "individual")
        if let phone = action.replyContext[ReplyContextKey.phone] {
            json.field("to", phone)
        } else if conversation.isUserID, !action.place.isGroup {
            json.field("recipient", conversation.rawValue)
        } else {
            json.field("to", conversation.rawValue)
        }
    }

    /// A message with a file that is at an address, or at Meta already.
    private func attachmentMessage(
        _ attachment: OutboundAttachment, caption: String?, for action: OutboundAction
    ) -> OutboundRequest? {
        let type = WhatsAppMedia.type(of: attachment)
        if case .bytes = attachment.source { return nil }
        if let caption, caption.utf16.count > Self.captionLimit || !type.takesCaption { return nil }
        return message(for: action, capacity: caption?.utf8.count ?? 0) { json in
            json.field("type", "\(type.name)")
            json.key(type.name)
            json.object { media in
                switch attachment.source {
                case .url(let url): media.field("link", url)
                case .uploaded(let reference): media.field("id", reference)
                case .bytes: break
                }
                media.field("caption", caption)
                if type == .document { media.field("filename", attachment.name) }
            }
        }
    }
}
