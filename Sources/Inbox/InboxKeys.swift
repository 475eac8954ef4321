internal import Crypto

/// The names of the inbox's keys in Redis; all begin with `REDIS_PREFIX`, and docs/decisions/inbox.md says what they hold.
struct InboxKeys: Sendable {
    /// The longest name of an event that is part of a key as it is; a longer one is hashed.
    static let longestName = 80

    /// What the names of all keys but the queue's begin with; the scripts add the rest.
    let prefix: String
    /// The queue of log jobs, as the journal names it.
    let log: String
    /// The mark of an event's name is this and ``name(_:)``.
    let seen: String
    /// The bridges that hold or held a lease.
    let bridges: String
    /// The number of newcomers.
    let epoch: String

    init(prefix: String) {
        self.prefix = "\(prefix):inbox:"
        log = "\(prefix):log"
        seen = "\(prefix):inbox:seen:"
        bridges = "\(prefix):inbox:bridges"
        epoch = "\(prefix):inbox:epoch"
    }

    /// The sign of life of a bridge.
    func lease(of bridge: String) -> String { "\(prefix)lease:\(bridge)" }

    /// What wakes a bridge for its mail.
    func bell(of bridge: String) -> String { "\(prefix)bell:\(bridge)" }

    /// What a bridge holds.
    func held(by bridge: String) -> String { "\(prefix)held:\(bridge)" }

    /// An event's name as it is part of a key: itself, or its hash where a sender could make the key long.
    static func name(_ name: String) -> String {
        name.utf8.count <= longestName ? name : Hex.encode(SHA256.digest(of: name))
    }
}
