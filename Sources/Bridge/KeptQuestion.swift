public import BridgeCore
internal import Journal

/// What the inbox keeps of an event, as the operator's commands read it: of one in work, or in a dead letter.
public struct KeptQuestion: Sendable {
    /// The platform that it came from.
    public let platform: PlatformName
    /// The event itself.
    public let event: InboundEvent

    /// Reads what the inbox keeps; nil for anything else.
    public init?(payload: [UInt8]) {
        guard let payload = InboxPayload(payload) else { return nil }
        platform = payload.platform
        event = payload.event
    }

    /// The conversation's name among the bridges.
    public var lane: String { SessionKey(platform: platform, place: event.place).canonical }
}
