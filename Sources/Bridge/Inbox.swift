internal import BridgeCore

/// Remembers which events were taken, so that a platform's retry is answered once.
struct Inbox {
    private struct Key: Hashable {
        let platform: PlatformName
        let event: EventID
    }

    /// Entries per generation: at 100 events a second it reaches back over an hour, for some 30 MB at the most.
    private var taken = GenerationalCache<Key, Void>(capacity: 200_000)

    /// Takes an event, under its id and all its aliases.
    ///
    /// - Returns: false when it was taken before under any of them.
    mutating func claim(_ event: InboundEvent, on platform: PlatformName) -> Bool {
        let key = Key(platform: platform, event: event.id)
        if event.aliases.isEmpty {
            guard taken[key] == nil else { return false }
            taken[key] = ()
            return true
        }
        let keys = [key] + event.aliases.map { Key(platform: platform, event: $0) }
        let isNew = keys.allSatisfy { taken[$0] == nil }
        // Noted even when it is known: the third delivery may bear only the names that the second one added.
        for key in keys { taken[key] = () }
        return isNew
    }
}
