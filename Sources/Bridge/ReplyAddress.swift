internal import BridgeCore

/// Where an answer goes, and by which right.
struct ReplyAddress: Sendable {
    let place: InboundEvent.Place
    let replyTo: PlatformMessageID?
    let replyContext: [String: String]
    let right: ReplyRight
    /// What the messages' names are made of, so that an answer that is sent again by another bridge bears the same; nil:
    /// each is new.
    let names: UUID?

    init(
        _ event: InboundEvent, rules: Capabilities.ReplyRules = Capabilities.ReplyRules(), names: UUID? = nil
    ) {
        self.names = names
        place = event.place
        replyTo = event.messageID
        replyContext = event.replyContext
        right = ReplyRight(rules: rules, hasToken: !event.replyContext.isEmpty, at: .now)
    }
}
