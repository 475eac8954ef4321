internal import Synchronization

/// The bridges of one process, one a loop, as the inbox knows them.
///
/// Each has an id and a lease of its own, and what one holds is taken over like that of any other. But siblings divide the
/// conversations among themselves before they claim anything, so that none has to ask Redis on account of another.
public final class SiblingBridges: Sendable {
    private let ids = Mutex<Set<String>>([])

    /// Nobody yet.
    public init() {}

    func contains(_ id: String) -> Bool { ids.withLock { $0.contains(id) } }

    /// One of them goes by another id from now on.
    func replace(_ old: String?, with new: String) {
        ids.withLock { ids in
            if let old { ids.remove(old) }
            ids.insert(new)
        }
    }
}
