/// Which names a process without Redis need not ask its file about: those that it has in work, and those that are surely new.
///
/// What it remembers of the others are their hashes, so a name may be taken for a known one that is not; never the other way.
struct KnownNames {
    /// Beyond so many names of a day the file is asked about each: 500,000 hashes take 8 MB.
    static let limit = 500_000

    private var inWork: Set<String> = []
    private var recent: Set<Int> = []
    /// Those of the day before: forgotten a day later, and too late by as much at most.
    private var older: Set<Int> = []
    private var areAllKnown = false

    /// Notes that all names of the file have been noted.
    mutating func setComplete() {
        areAllKnown = true
    }

    /// Notes a name that the file has, or is about to have.
    mutating func note(_ name: String) {
        guard recent.count < KnownNames.limit else {
            areAllKnown = false
            return
        }
        recent.insert(name.hashValue)
    }

    /// Forgets what is two turns old.
    mutating func turn() {
        older = recent
        recent = []
    }

    /// True when the file has no such name.
    func isNew(_ name: String) -> Bool {
        guard areAllKnown else { return false }
        let hash = name.hashValue
        return !recent.contains(hash) && !older.contains(hash)
    }

    /// True while an event of that name is in work, with its name alone.
    func isInWork(_ name: String) -> Bool { inWork.contains(name) }

    /// An event of these names is in work from now on.
    mutating func begin(_ names: [String]) {
        inWork.formUnion(names)
    }

    /// An event of these names is not in work any more.
    mutating func end(_ names: [String]) {
        inWork.subtract(names)
    }
}
