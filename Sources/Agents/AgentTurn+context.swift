import BridgeCore

extension AgentTurn {
    /// What is known of the message besides its words, in the order and under the names in which every protocol carries it.
    var context: [(name: StaticString, value: String)] {
        let place = event.place
        var pairs: [(name: StaticString, value: String)] = []
        pairs.reserveCapacity(8)
        pairs.append(("platform", platform.rawValue))
        pairs.append(("account", place.account.rawValue))
        pairs.append(("conversation", place.conversation.rawValue))
        func add(_ name: StaticString, _ value: String?) {
            if let value, !value.isEmpty { pairs.append((name, value)) }
        }
        add("thread", place.thread?.rawValue)
        add("user", event.sender?.id.rawValue)
        add("user_name", event.sender?.name)
        add("message_id", id.description)
        add("language", language)
        return pairs
    }
}
