public import BridgeCore
internal import JSON

/// What a payload should become: the parts of an `InboundEvent` that a user would miss if they were wrong.
public struct ExpectedEvent: Sendable, Equatable {
    /// The kind.
    public var kind: String
    /// Whether somebody is answered.
    public var isAnswered: Bool
    /// The words.
    public var text: String?
    /// The sender's identifier.
    public var sender: String?
    /// The account, where the platform has several.
    public var account: String
    /// The conversation.
    public var conversation: String
    /// The thread.
    public var thread: String?
    /// How many attachments came with it.
    public var attachments: Int
    /// The message that it is about.
    public var target: String?
    /// The message to which it replies.
    public var replyTo: String?
    /// Where the conversation moved to.
    public var movedTo: String?

    /// An expectation; what is not named is expected to be absent.
    public init(
        _ kind: ContentKind, isAnswered: Bool = false, text: String? = nil, sender: String? = nil,
        account: String = "default", conversation: String, thread: String? = nil, attachments: Int = 0,
        target: String? = nil, replyTo: String? = nil, movedTo: String? = nil
    ) {
        self.kind = kind.rawValue
        self.isAnswered = isAnswered
        self.text = text
        self.sender = sender
        self.account = account
        self.conversation = conversation
        self.thread = thread
        self.attachments = attachments
        self.target = target
        self.replyTo = replyTo
        self.movedTo = movedTo
    }

    /// What an adapter made of a payload, in the terms of an expectation.
    public init(of event: InboundEvent) {
        var isAnswered = false
        if case .answer = event.disposition { isAnswered = true }
        self.init(
            event.kind, isAnswered: isAnswered, text: event.text, sender: event.sender?.id.rawValue,
            account: event.place.account.rawValue, conversation: event.place.conversation.rawValue,
            thread: event.place.thread?.rawValue, attachments: event.attachments.count,
            target: event.target?.rawValue, replyTo: event.replyTo?.rawValue, movedTo: event.movedTo?.rawValue)
    }

    /// Reads an expectation from a row of `Tests/Fixtures/expectations/*.json`.
    ///
    /// - Parameter payload: where `text_at`, a path of member names and positions (`"event/text"`, `"parts/0/text"`), finds a
    ///   text too long to repeat; `text_before` stands before it.
    init?(_ row: JSONView, payload: JSONView) {
        guard let kind = row["kind"].string, let conversation = row["conversation"].string,
            ContentKind(rawValue: kind) != nil
        else { return nil }
        self.init(.event, conversation: conversation)
        self.kind = kind
        isAnswered = row["answered"].bool ?? false
        text = row["text"].string
        if let path = row["text_at"].string {
            let found = path.split(separator: "/").reduce(payload) { view, name in
                if view.kind == .array, let position = Int(name) { view[position] } else { view[String(name)] }
            }
            text = found.string.map { (row["text_before"].string ?? "") + $0 }
        }
        sender = row["sender"].string
        account = row["account"].string ?? "default"
        thread = row["thread"].string
        attachments = row["attachments"].int.map { Int(clamping: $0) } ?? 0
        target = row["target"].string
        replyTo = row["reply_to"].string
        movedTo = row["moved_to"].string
    }

    /// What differs from another, in words; empty when nothing does.
    public func differences(from actual: ExpectedEvent) -> [String] {
        var differences: [String] = []
        func compare<Value: Equatable>(_ name: String, _ path: KeyPath<ExpectedEvent, Value>) {
            let expected = self[keyPath: path]
            let found = actual[keyPath: path]
            if expected != found { differences.append("\(name) is \(found), not \(expected)") }
        }
        compare("kind", \.kind)
        compare("answered", \.isAnswered)
        compare("text", \.text)
        compare("sender", \.sender)
        compare("account", \.account)
        compare("conversation", \.conversation)
        compare("thread", \.thread)
        compare("attachments", \.attachments)
        compare("target", \.target)
        compare("replyTo", \.replyTo)
        compare("movedTo", \.movedTo)
        return differences
    }
}
