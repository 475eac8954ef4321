internal import BridgeCore

/// The sessions that a process knows, the least recently active forgotten beyond the limit.
///
/// A dictionary into a row of slots that are linked by age: all operations take constant time.
struct SessionCache {
    /// What is known of one conversation.
    struct Entry {
        var session: UUID
        var lastActivity: Timestamp
        /// When the registry was last told of activity; nil while it does not know the session at all.
        var registeredAt: Timestamp?
        /// What we proposed to the registry before `session`, and did not use.
        var replaced: UUID?
    }

    private struct Slot {
        var key: SessionKey
        var entry: Entry
        var older: Int
        var newer: Int
    }

    private let capacity: Int
    private var slots: [Slot] = []
    private var places: [SessionKey: Int] = [:]
    private var oldest = -1
    private var newest = -1

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { slots.count }

    /// The place of a conversation, good until the next insertion.
    func place(of key: SessionKey) -> Int? { places[key] }

    subscript(_ place: Int) -> Entry {
        get { slots[place].entry }
        set { slots[place].entry = newValue }
    }

    /// Marks an entry as the most recent.
    mutating func touch(_ place: Int) {
        guard place != newest else { return }
        unlink(place)
        link(place)
    }

    /// Puts an entry in as the most recent, over an earlier one of the same key.
    mutating func insert(_ entry: Entry, for key: SessionKey) {
        if let place = places[key] {
            slots[place].entry = entry
            touch(place)
            return
        }
        let place: Int
        if slots.count < capacity {
            place = slots.count
            slots.append(Slot(key: key, entry: entry, older: -1, newer: -1))
        } else {
            place = oldest
            unlink(place)
            places[slots[place].key] = nil
            slots[place] = Slot(key: key, entry: entry, older: -1, newer: -1)
        }
        places[key] = place
        link(place)
    }

    private mutating func unlink(_ place: Int) {
        let slot = slots[place]
        if slot.older >= 0 { slots[slot.older].newer = slot.newer } else { oldest = slot.newer }
        if slot.newer >= 0 { slots[slot.newer].older = slot.older } else { newest = slot.older }
    }

    private mutating func link(_ place: Int) {
        slots[place].older = newest
        slots[place].newer = -1
        if newest >= 0 { slots[newest].newer = place } else { oldest = place }
        newest = place
    }
}
