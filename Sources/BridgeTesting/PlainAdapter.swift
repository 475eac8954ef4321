public import BridgeCore
internal import HTTPCore
internal import JSON

/// A platform that does not exist, in the plainest form that an adapter can have: for tests of whatever drives adapters.
///
/// Its webhooks hold `{"events":[…]}`, or one event by itself, and the header `X-Plain-Token`. An event is
/// `{"id","conversation","text","user","message","kind","aliases":[…],"thread","group","record":true,"moved_to","ack"}`, of which
/// only `id` and `conversation` must be there; `record` is not answered, and `ack` names a button press to acknowledge.
///
/// Actions are posted to `/send`, `/edit`, `/typing` and `/acknowledge` below ``apiBase``. The platform answers 200 with
/// `{"message":"…"}` or nothing; 429 with `Retry-After` in seconds, fractions allowed, and `X-RateLimit-Global` where it is for all; 5xx for what passes; and 4xx with
/// `{"error":"…"}`, where `formatting`, `moved` (with `"to"`), `blocked`, `gone` and `unauthorized` mean what they say.
public struct PlainAdapter: Adapter {
    /// `plain` unless given.
    public var platform: PlatformName
    /// What the platform is to be able to do.
    public var capabilities: Capabilities
    /// Where the platform's API is, without a slash at its end.
    public var apiBase: String
    /// What its webhooks bear.
    public var token: String

    /// A platform.
    public init(
        platform: PlatformName = PlatformName("plain"), apiBase: String,
        capabilities: Capabilities = Capabilities(textLimit: .init(4096, .utf16)), token: String = "plain-token"
    ) {
        self.platform = platform
        self.apiBase = apiBase
        self.capabilities = capabilities
        self.token = token
    }

    /// Reads the events of a webhook.
    ///
    /// The conversation and the event's id may be given by the headers `X-ChatBridge-Conversation` and `X-ChatBridge-Event`, as
    /// those of our own endpoints are; a local platform has no token.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        if capabilities.transport == .http, request.headers["X-Plain-Token"] != token {
            throw WebhookRejection(.unauthorized, "the token is missing or wrong")
        }
        guard request.method == .post else { throw WebhookRejection(.methodNotAllowed, "webhooks are posted") }
        guard let body = try? JSONView(parsing: request.body), body.kind == .object else {
            throw WebhookRejection(.malformed, "the body is not a JSON object")
        }
        let list = body["events"].kind == .array ? Array(body["events"].elements) : [body]
        var events: [InboundEvent] = []
        for item in list {
            let conversation = request.headers["X-ChatBridge-Conversation"] ?? item["conversation"].idString
            let id = item["id"].idString ?? request.headers["X-ChatBridge-Event"]
            guard let conversation, let id else { throw WebhookRejection(.malformed, "an event lacks its id or place") }
            events.append(PlainAdapter.event(item, id: id, conversation: conversation))
        }
        return WebhookOutcome(events: events)
    }

    private static func event(_ item: JSONView, id: String, conversation: String) -> InboundEvent {
        InboundEvent(
            id: EventID(id), aliases: item["aliases"].elements.compactMap { $0.string.map { EventID($0) } },
            kind: item["kind"].string.flatMap(ContentKind.init(rawValue:)) ?? .text,
            disposition: item["record"].bool == true ? .record : .answer,
            place: .init(
                conversation: ConversationID(conversation), thread: item["thread"].idString.map { ThreadID($0) },
                isGroup: item["group"].bool == true),
            sender: item["user"].idString.map { .init(id: PlatformUserID($0)) },
            messageID: item["message"].idString.map { PlatformMessageID($0) }, text: item["text"].string,
            movedTo: item["moved_to"].idString.map { ConversationID($0) },
            followUps: item["ack"].string.map { [.acknowledgeButton(id: $0)] } ?? [])
    }

    /// The request of an action, with its parts under the names that tests look for.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        guard capabilities.transport == .http else { return nil }
        var writer = JSONWriter()
        var path = ""
        writer.object { object in
            object.field("action", action.id.description)
            object.field("conversation", action.place.conversation.rawValue)
            object.field("thread", action.place.thread?.rawValue)
            object.field("reply_to", action.replyTo?.rawValue)
            object.field("means", action.means == .reply ? "reply" : nil)
            object.field("part", action.part == 0 ? nil : action.part)
            switch action.kind {
            case .send(let text, let format):
                path = "/send"
                object.field("text", text)
                object.field("format", format == .plain ? "plain" : "markdown")
            case .edit(let message, let text, let format):
                path = "/edit"
                object.field("message", message.rawValue)
                object.field("text", text)
                object.field("format", format == .plain ? "plain" : "markdown")
            case .typing:
                path = "/typing"
            case .acknowledgeButton(let id):
                path = "/acknowledge"
                object.field("button", id)
            case .sendBatch(let texts, let format):
                path = "/batch"
                object.arrayField("texts") { array in
                    for text in texts { array.value(text) }
                }
                object.field("format", format == .plain ? "plain" : "markdown")
            case .sendAttachment(let attachment, let caption):
                path = "/attachment"
                object.field("kind", attachment.kind.rawValue)
                switch attachment.source {
                case .url(let url): object.field("url", url)
                case .uploaded(let reference): object.field("reference", reference)
                case .bytes(let bytes): object.field("bytes", Int64(bytes.count))
                }
                object.field("name", attachment.name)
                object.field("caption", caption)
            case .join:
                path = "/join"
            }
        }
        return OutboundRequest(
            url: apiBase + path, headers: ["Content-Type": "application/json"], body: writer.bytes)
    }

    /// What the platform's answer means; see the type.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        if response.status.isSuccess, body["messages"].exists {
            return .deliveredBatch(body["messages"].elements.compactMap { $0.idString.map { PlatformMessageID($0) } })
        }
        if response.status.isSuccess { return .delivered(body["message"].idString.map { PlatformMessageID($0) }) }
        let reason = body["error"].string ?? "status \(response.status)"
        let kind: DeliveryFailure.Kind =
            switch (response.status.code, reason) {
            case (429, _):
                .rateLimited(after: response.headers["Retry-After"].flatMap(Double.init).map { .seconds($0) })
            case (500..., _): .temporary
            case (_, "formatting"): .formattingRefused
            case (_, "token"): .replyRefused
            case (_, "window"): .windowClosed
            case (_, "moved"): .conversationMoved(to: ConversationID(body["to"].idString ?? ""))
            case (_, "blocked"): .blocked
            case (_, "gone"): .gone
            case (_, "unauthorized"): .unauthorized
            default: .refused
            }
        let isGlobal = response.headers["X-RateLimit-Global"] != nil
        return .failed(DeliveryFailure(kind, reason: reason, scope: isGlobal ? .account : .conversation))
    }
}

/// The plain platform by long polling: `GET /events?after=…` answers `{"events":[…],"cursor":"…"}`.
public struct PlainPollingAdapter: LongPolling {
    private let plain: PlainAdapter

    /// The same platform, asked instead of telling.
    public init(_ plain: PlainAdapter) {
        self.plain = plain
    }

    /// True.
    public var isPollingEnabled: Bool { true }
    /// The platform's name.
    public var platform: PlatformName { plain.platform }
    /// What it can do.
    public var capabilities: Capabilities { plain.capabilities }

    /// As the platform does.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        try plain.receive(request, at: now)
    }

    /// As the platform does.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        plain.encode(action, at: now)
    }

    /// As the platform does.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        plain.interpret(response, to: action)
    }

    /// Asks for what comes after a cursor.
    public func poll(after cursor: String?) -> OutboundRequest {
        OutboundRequest(method: .get, url: plain.apiBase + "/events?after=" + (cursor ?? ""))
    }

    /// Reads the events as those of a webhook.
    public func interpretPoll(_ response: OutboundResponse) -> PollOutcome {
        let event = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .typing, place: .init(conversation: ConversationID("")))
        if case .failed(let failure) = plain.interpret(response, to: event) { return .failed(failure) }
        let webhook = WebhookRequest(target: "/", headers: ["X-Plain-Token": plain.token], body: response.body)
        do throws(WebhookRejection) {
            let events = try plain.receive(webhook, at: .now()).events
            return .events(events, cursor: (try? JSONView(parsing: response.body))?["cursor"].idString)
        } catch {
            return .failed(DeliveryFailure(.temporary, reason: error.message))
        }
    }
}
