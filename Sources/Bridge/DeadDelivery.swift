public import BridgeCore
internal import JSON

/// A dead letter of a delivery: an event that got no answer, or of whose answer nobody knows whether it arrived.
public struct DeadDelivery: Sendable {
    /// Our name of the message.
    public let id: UUID
    /// Why it is here.
    public let error: String
    /// When it was filed.
    public let at: Timestamp?
    /// The event as the inbox kept it.
    public let payload: [UInt8]
    /// What the bridge had come to that died over it, as the inbox kept it; empty where it had left nothing.
    public let progress: [UInt8]
    /// The answer that the agent had given, where that is known.
    public let answer: String?

    /// Reads a dead letter; nil for anything else.
    public init?(letter: [UInt8]) {
        guard let root = try? JSONView(parsing: letter), let id = root["id"].string.flatMap({ UUID($0) }),
            let error = root["error"].string
        else { return nil }
        self.id = id
        self.error = error
        at = root["at"].string.flatMap { Timestamp($0) }
        payload = DeadDelivery.bytes(root["payload"])
        progress = DeadDelivery.bytes(root["answer"])
        answer = root["answer"]["text"].string
    }

    /// The event; nil where this version cannot read it.
    public var question: KeptQuestion? { KeptQuestion(payload: payload) }

    /// JSON as it is, text without its quotes.
    private static func bytes(_ view: JSONView) -> [UInt8] {
        guard view.exists, !view.isNull else { return [] }
        if let text = view.string { return Array(text.utf8) }
        var writer = JSONWriter()
        writer.value(view)
        return writer.bytes
    }
}
