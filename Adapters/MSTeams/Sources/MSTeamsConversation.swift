internal import BridgeCore

/// Teams' names of conversations: a channel's has the root of the thread behind it, `19:…@thread.tacv2;messageid=17…`.
enum MSTeamsConversation {
    private static let mark = ";messageid="

    /// A conversation and the thread in it.
    static func split(_ id: String) -> (conversation: String, thread: String?) {
        guard let start = id.utf8.firstIndex(of: UInt8(ascii: ";")) else { return (id, nil) }
        let rest = id[start...]
        guard start != id.startIndex, rest.hasPrefix(mark) else { return (id, nil) }
        let thread = rest.dropFirst(mark.count)
        return thread.isEmpty ? (String(id[..<start]), nil) : (String(id[..<start]), String(thread))
    }

    /// The name under which the connector knows a place.
    static func id(of place: InboundEvent.Place) -> String {
        guard let thread = place.thread else { return place.conversation.rawValue }
        return place.conversation.rawValue + mark + thread.rawValue
    }
}
