internal import BridgeCore

/// Remembers which events this process took, so that a retry is told from a new event without asking anybody.
///
/// Names are kept as 64 bits of a hash whose seed is the process's own: of the 400,000 that are remembered at the most, a new
/// event meets another's by chance once in 10¹³, and nobody can choose ids that meet. Whole names would take five times the
/// memory.
struct RecentEvents {
    /// Entries per generation: at 100 events a second it reaches back over half an hour, for some 10 MB at the most.
    private var taken = GenerationalCache<UInt64, Void>(capacity: 196_000)

    /// Takes an event, under its id and all its aliases.
    ///
    /// - Returns: false when it was taken before under any of them.
    mutating func claim(_ event: InboundEvent, on platform: PlatformName) -> Bool {
        var isNew = note(event.id, on: platform)
        // All are noted even when one is known: the third delivery may bear only the names that the second one added.
        for alias in event.aliases where !note(alias, on: platform) && alias != event.id { isNew = false }
        return isNew
    }

    /// Notes a name; false when it was noted before.
    private mutating func note(_ id: EventID, on platform: PlatformName) -> Bool {
        var hasher = Hasher()
        hasher.combine(platform)
        hasher.combine(id)
        let key = UInt64(bitPattern: Int64(hasher.finalize()))
        guard taken[key] == nil else { return false }
        taken[key] = ()
        return true
    }
}
