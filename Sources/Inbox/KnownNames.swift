internal import BridgeCore

/// Which names a store need not be asked about: those that are in work here, and those that are surely new.
///
/// What it remembers of the others are their hashes, so a name may be taken for a known one that is not; never the other way.
/// Where it cannot remember all, the time at which an event was sent tells: what was sent after the oldest name that is
/// remembered cannot have been taken before it.
struct KnownNames {
    /// Names of one generation, of which two are kept: 500,000 hashes take 8 MB.
    static let limit = 250_000
    /// A platform's clock is trusted to be at most so far ahead of ours.
    static let clockSkew = Duration.seconds(600)

    /// For how long a name is remembered at the least, where there is room; at the most twice as long.
    private let life: Duration
    private var inWork: Set<String> = []
    private var recent: Set<Int> = []
    private var recentSince: Timestamp
    /// Those of the generation before.
    private var older: Set<Int> = []
    private var olderSince: Timestamp
    /// Whether every name of the store is remembered, whenever it was taken.
    private var areAllKnown = false
    /// Whether there was no room for a name that was taken less than a turn ago.
    private var hasDropped = false

    /// Nothing is known of what was before this time.
    init(since start: Timestamp, for life: Duration) {
        self.life = life
        recentSince = start
        olderSince = start
    }

    /// Notes that all names of the store have been noted.
    mutating func setComplete() {
        areAllKnown = !hasDropped
    }

    /// Forgets what the store has, since others have changed it; what is in work stays.
    mutating func forget(at time: Timestamp) {
        recent = []
        older = []
        recentSince = time
        olderSince = time
        areAllKnown = false
        hasDropped = false
    }

    /// Notes a name that the store has, or is about to have.
    mutating func note(_ name: String, at time: Timestamp) {
        if time >= recentSince.advanced(by: life) {
            turn(at: time)
        } else if recent.count >= KnownNames.limit {
            if !older.isEmpty {
                areAllKnown = false
                hasDropped = true
            }
            turn(at: time)
        }
        recent.insert(name.hashValue)
    }

    /// Forgets what is two turns old.
    private mutating func turn(at time: Timestamp) {
        older = recent
        olderSince = recentSince
        recent = []
        recentSince = time
    }

    /// True when the store has no such name.
    ///
    /// - Parameter sentAt: when the platform says that the event happened.
    func isNew(_ name: String, sentAt: Timestamp? = nil) -> Bool {
        if !areAllKnown {
            guard let sentAt, sentAt > olderSince.advanced(by: KnownNames.clockSkew) else { return false }
        }
        let hash = name.hashValue
        return !recent.contains(hash) && !older.contains(hash)
    }

    /// True while an event of that name is in work, with its name alone.
    func isInWork(_ name: String) -> Bool { inWork.contains(name) }

    /// An event of these names is in work from now on.
    mutating func begin(_ names: [String]) {
        for name in names { inWork.insert(name) }
    }

    /// An event of these names is not in work any more.
    mutating func end(_ names: [String]) {
        for name in names { inWork.remove(name) }
    }

    /// All names in work.
    var namesInWork: Set<String> { inWork }
}
