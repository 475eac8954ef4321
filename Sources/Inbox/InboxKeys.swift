internal import Crypto

/// The names of the inbox's keys in Redis; all begin with `REDIS_PREFIX`, and docs/decisions/inbox.md says what they hold.
struct InboxKeys: Sendable {
    /// The longest name of an event that is part of a key as it is; a longer one is hashed.
    static let longestName = 80

    /// What the names of all keys but the queue's begin with; the scripts add the rest.
    let prefix: String
    /// The queue of log jobs, as the journal names it.
    let log: String
    /// The dead letters of deliveries.
    let dead: String
    /// In a cluster, two keys that are never there and that each script names: see ``init(prefix:isOfCluster:)``.
    let gates: [String]

    /// The keys of an installation, or of one shard of it.
    ///
    /// A script that names two keys which are not there is refused as a whole while its slot is being moved to another node
    /// (TRYAGAIN on either; Redis documentation, "Redis cluster specification", "Multi-key operations"). Without that it
    /// would find part of what it needs and stop in the middle.
    init(prefix: String, isOfCluster: Bool = false) {
        gates = isOfCluster ? ["\(prefix):inbox:gate:1", "\(prefix):inbox:gate:2"] : []
        self.prefix = "\(prefix):inbox:"
        log = "\(prefix):log"
        dead = "\(prefix):inbox:dead"
    }

    /// The sign of life of a bridge.
    func lease(of bridge: String) -> String { "\(prefix)lease:\(bridge)" }

    /// What wakes a bridge for its mail.
    func bell(of bridge: String) -> String { "\(prefix)bell:\(bridge)" }

    /// What a bridge holds.
    func held(by bridge: String) -> String { "\(prefix)held:\(bridge)" }

    /// A new id for a bridge: a name that a person knows, and 64 random bits.
    static func newBridge(_ name: String) -> String {
        let clean = name.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): byte
            default: UInt8(ascii: "-")
            }
        }
        let token = String(UInt64.random(in: .min ... .max), radix: 16)
        return "\(String(decoding: clean, as: UTF8.self))-\(String(repeating: "0", count: 16 - token.count))\(token)"
    }

    /// An event's name as it is part of a key: itself, or its hash where a sender could make the key long.
    static func name(_ name: String) -> String {
        name.utf8.count <= longestName ? name : Hex.encode(SHA256.digest(of: name))
    }
}
