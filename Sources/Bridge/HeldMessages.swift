internal import BridgeCore

/// Messages that their platform takes only after the user has written again.
///
/// In memory, bounded: the oldest of a conversation go first, and the conversation that was used least lately.
struct HeldMessages {
    private static let perConversation = 20

    private var messages = GenerationalCache<InboundEvent.Place, [OutboundAction.Kind]>(capacity: 1000)

    /// Keeps a message for its conversation.
    mutating func add(_ kind: OutboundAction.Kind, for place: InboundEvent.Place) {
        messages[place] = ((messages[place] ?? []) + [kind]).suffix(HeldMessages.perConversation)
    }

    /// What was kept, oldest first; from now on it is not.
    mutating func take(_ place: InboundEvent.Place) -> [OutboundAction.Kind] {
        guard let kinds = messages[place] else { return [] }
        messages[place] = nil
        return kinds
    }
}
