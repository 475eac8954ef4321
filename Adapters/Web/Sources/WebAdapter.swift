public import BridgeCore
internal import HTTPCore
internal import JSON

/// Our own API and the chat page as a platform: `POST /api/messages` in, the waiting request or stream out.
///
/// Who may call is the endpoint's business; this reads the body alone. Two header fields come from the endpoint, which
/// sets them whatever the caller sent: the visitor's conversation and a name for the event.
public struct WebAdapter: Adapter {
    /// The name in the tables; there is no `/webhooks/web`.
    public let platform = PlatformName("web")

    /// Answers go to whoever waits, in one piece.
    public let capabilities = Capabilities(textLimit: .init(1 << 20, .utf8), transport: .local)

    /// Names the conversation of a visitor of the chat page.
    public static let conversationField = "X-ChatBridge-Conversation"
    /// Names the event of a message that has no `id`.
    public static let eventField = "X-ChatBridge-Event"

    /// The longest identifier, in bytes of UTF-8: ours to choose, and enough for any UUID, address or path.
    private static let longestIdentifier = 200

    private let configuration: WebConfiguration

    /// An adapter with these limits.
    public init(configuration: WebConfiguration = WebConfiguration()) {
        self.configuration = configuration
    }

    /// Reads `{conversation, user, text, attachments?, thread?, name?, id?}`.
    ///
    /// - Throws: a rejection that names the member and what is wrong with it.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        guard request.method == .post else { throw WebhookRejection(.methodNotAllowed, "messages are sent by POST") }
        let body: JSONView
        do {
            body = try JSONView(parsing: request.body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard body.kind == .object else { throw WebhookRejection(.malformed, "the body must be a JSON object") }
        let visitor = request.headers[Self.conversationField]
        let user = try identifier("user", in: body) ?? visitor
        let given = try identifier("conversation", in: body)
        let conversation = visitor ?? given ?? user ?? "default"
        let text = try text(in: body)
        let attachments = try attachments(in: body)
        guard text != nil || !attachments.isEmpty else { throw malformed("text or attachments are needed") }
        let id = try identifier("id", in: body)
        let event = InboundEvent(
            // A caller's id counts within the conversation: nobody can take another's.
            id: EventID(id.map { "\(conversation):\($0)" } ?? request.headers[Self.eventField] ?? Self.randomID()),
            kind: text == nil ? attachments[0].kind : .text, disposition: .answer,
            place: InboundEvent.Place(
                conversation: ConversationID(conversation),
                thread: try identifier("thread", in: body).map { ThreadID($0) }),
            sender: InboundEvent.Sender(
                id: PlatformUserID(user ?? conversation), name: try identifier("name", in: body)),
            messageID: id.map { PlatformMessageID($0) }, text: text, attachments: attachments, sentAt: now)
        return WebhookOutcome(events: [event])
    }

    private func text(in body: JSONView) throws(WebhookRejection) -> String? {
        let member = body["text"]
        guard member.exists, !member.isNull else { return nil }
        guard let text = member.string else { throw malformed("text must be a string") }
        guard text.utf8.count <= configuration.longestText else {
            throw malformed("text must be at most \(configuration.longestText) bytes")
        }
        return text.isEmpty ? nil : text
    }

    private func attachments(in body: JSONView) throws(WebhookRejection) -> [Attachment] {
        let member = body["attachments"]
        guard member.exists, !member.isNull else { return [] }
        guard member.kind == .array, member.count <= configuration.mostAttachments else {
            throw malformed("attachments must be a list of at most \(configuration.mostAttachments)")
        }
        var attachments: [Attachment] = []
        for element in member.elements {
            guard let attachment = Attachment(element) else {
                throw malformed("attachments must be objects with a url or a reference")
            }
            attachments.append(attachment)
        }
        return attachments
    }

    private func identifier(_ name: String, in body: JSONView) throws(WebhookRejection) -> String? {
        let member = body[name]
        guard member.exists, !member.isNull else { return nil }
        guard let id = member.identifier, id.utf8.count <= Self.longestIdentifier else {
            throw malformed("\(name) must be a string of 1 to \(Self.longestIdentifier) bytes, or a whole number")
        }
        return id
    }

    private func malformed(_ message: String) -> WebhookRejection { WebhookRejection(.malformed, message) }

    private static func randomID() -> String {
        UUID(high: .random(in: .min ... .max), low: .random(in: .min ... .max)).description
    }

    /// Nothing: answers go to those who wait at our own endpoints.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? { nil }

    /// Never called, as nothing is sent; whatever it is, it is no delivery.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        .failed(
            DeliveryFailure(
                response.status.code >= 500 || response.status.code == 429 ? .temporary : .refused,
                reason: "web answers are not sent"))
    }
}
