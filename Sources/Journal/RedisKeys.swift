/// The names of the journal's keys in Redis; all begin with `REDIS_PREFIX`.
struct RedisKeys: Sendable {
    /// The queue: a list, head-pushed, tail-taken.
    let queue: String
    /// The dead letters: a list, head-pushed.
    let dead: String
    /// The ids of the loggers that hold or held a lease: a set.
    let loggers: String
    private let claimedPrefix: String
    private let leasePrefix: String
    private let sessionPrefix: String

    init(prefix: String) {
        queue = "\(prefix):log"
        dead = "\(prefix):log:dead"
        loggers = "\(prefix):log:loggers"
        claimedPrefix = "\(prefix):log:claimed:"
        leasePrefix = "\(prefix):log:lease:"
        sessionPrefix = "\(prefix):session:"
    }

    /// A list of jobs in a logger's hands.
    ///
    /// Each claim has one of its own, so that a late command can never meet another's jobs.
    func claimed(by logger: String, number: Int) -> String { "\(claimedPrefix)\(logger):\(number)" }

    /// The logger that a claimed list belongs to.
    func owner(ofClaimed key: String) -> String? {
        guard key.hasPrefix(claimedPrefix) else { return nil }
        let rest = key.dropFirst(claimedPrefix.count)
        return rest.lastIndex(of: ":").map { String(rest[..<$0]) } ?? String(rest)
    }

    /// The sign of life of a logger.
    func lease(of logger: String) -> String { leasePrefix + logger }

    /// What ``lease(of:)`` begins with.
    var leases: String { leasePrefix }

    /// The active session of a conversation.
    func session(_ key: SessionKey) -> String { sessionPrefix + key.canonical }

    /// The pattern (`SCAN`, glob style) of all claimed lists.
    var claimedPattern: String {
        var pattern = ""
        for character in claimedPrefix {
            if "*?[]^\\".contains(character) { pattern.append("\\") }
            pattern.append(character)
        }
        return pattern + "*"
    }
}
