internal import BridgeCore
public import EventLoop
public import Redis
public import Telemetry

/// The inbox that a fleet of bridges shares: in Redis, each step one script; docs/decisions/inbox.md has the protocol.
///
/// A bridge shows by a lease that it lives, and what a bridge without a lease holds is taken over by another. Its id is new for
/// each run and after each loss of the lease: the fencing token. What this bridge holds it also keeps in memory, so that a
/// Redis that lost its data gets it back.
///
/// Where Redis does not answer, ``claim(_:keeping:)`` throws at once. An event whose claim went unanswered is found later and
/// handed to the receiver: an engine that has gone on without the store knows it by its id.
///
/// Pinned to a loop, as its clients are.
public actor RedisInbox: InboxStore {
    /// Names and times.
    public struct Configuration: Sendable {
        /// `REDIS_PREFIX`, or that of a shard.
        public var prefix: String
        /// Whether the prefix is that of a cluster's shard.
        public var isOfCluster = false
        /// What the bridge's id begins with: a host's or container's name.
        public var name: String
        /// `LEASE_MS`: a bridge that is silent for so long is taken for dead; it gives five signs of life in it.
        public var lease: Duration = .seconds(10)
        /// How long Redis must have answered us without a gap before a lease that has run out tells of a death; nil: a lease.
        public var grace: Duration?
        /// How long a command may go unanswered.
        public var timeout: Duration = .seconds(2)
        /// How long it is remembered that an event was taken: longer than any platform goes on delivering it.
        public var doneFor: Duration = .seconds(86_400)

        /// A configuration.
        public init(prefix: String = "chatbridge", name: String = "bridge") {
            self.prefix = prefix
            self.name = name
        }
    }

    /// What is in Redis under our id, for the case that Redis loses it.
    struct Held {
        var lane: String?
        var payload: [UInt8]
        var names: [String]
        var attempts: Int
        /// Nil before ``begin(_:progress:)``.
        var progress: [UInt8]?
        /// Its place in the order in which this bridge came to it.
        var order: Int
        /// Its end was asked for: it is put back no more.
        var isEnding = false
    }

    /// An event that is claimed by its names.
    struct Plain {
        var lane: String?
        var names: [String]
        /// What stands for it in the hash of what is held, once other bridges are about.
        var entered: UUID?
    }

    /// The most entries of one script that takes over, collects or puts back.
    static let chunk = 500

    /// The loop that the inbox belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let client: RedisClient
    /// A waiting command holds up all that follows it: the bell has a connection of its own.
    let blockingClient: RedisClient
    let configuration: Configuration
    let mark: BridgeMark?
    let siblings: SiblingBridges
    let keys: InboxKeys
    let log: Log
    let metrics: InboxMetrics

    // The state below is internal for the sake of the extensions in other files alone.
    /// This run's name among the bridges, and its fencing token.
    var id: String
    /// Counts the connections that were lost: a command of an earlier one that is executed late is void.
    var session = 1
    var receiver: InboxReceiver?
    var held: [UUID: Held] = [:]
    var plain: [UUID: Plain] = [:]
    /// What stands for questions of which the engine told when a newcomer appeared, and which we had not claimed.
    var standIns: [String: [UUID]] = [:]
    /// How many stand in Redis for ``plain`` and ``standIns``.
    var enteredCount = 0
    /// The names that Redis need not be asked about; see `RedisInbox+names.swift`.
    var known: KnownNames
    /// Names of events that are done, and of which Redis has not been told yet.
    var untold: [String] = []
    var telling: LoopTimer?
    /// Reads the names of earlier runs.
    var learning: Task<Void, Never>?
    var hasLearned = false
    /// Claims that may have been executed: the entries, for the case that the engine goes on with them.
    var uncertain: [UUID: InboxEntry] = [:]
    /// What was lost with the lease: somebody else answers it.
    var void: Set<UUID> = []
    var order = 0

    /// Bridges that are dead for certain, and of which Redis has not been told yet.
    var predecessors: [String]
    /// The newcomer that we were; nil until Redis knows of us.
    var joined: Int?
    /// The last newcomer that we have made room for.
    var made = 0
    /// Whether all others have made room for us.
    var hasRoom = false
    var hasPeers = false
    /// Until when our lease stands, by our own clock and with a margin.
    var freshUntil: ContinuousClock.Instant?
    /// When the lease was renewed last.
    var renewedAt: ContinuousClock.Instant?
    /// Since when Redis has answered us without a gap, and when it did so last.
    var reachedSince: ContinuousClock.Instant?
    var reachedAt: ContinuousClock.Instant?
    /// Whether memory and Redis may differ.
    var mustAudit = false
    var hasLoadedScripts = false
    var isTakingOver = false
    /// What was taken over and waits for the rest of it, with its place in the order of claims.
    var waiting: [(number: Int, delivery: InboxDelivery)] = []
    /// Whether a take-over was broken off: ``waiting`` is not complete.
    var hasOpenTakeOver = false

    var beating: Task<Bool, Never>?
    var heartbeats: Task<Void, Never>?
    var bell: Task<Void, Never>?
    var isBeatPlanned = false
    var isRetired = false
    /// Whether the last sign of life went unanswered.
    var isAway = false
    var gate = InboxGate()

    /// An inbox that does nothing before ``start(_:)``.
    ///
    /// - Parameters:
    ///   - client: for all commands but one; may be shared with others that do not block.
    ///   - blockingClient: a connection that nobody else uses, to wait for what others forward.
    ///   - mark: names the bridges that this process has come after; nil: leases alone tell who lives.
    ///   - siblings: the bridges of this process, which claim other conversations than this one.
    public init(
        loop: EventLoop, client: RedisClient, blockingClient: RedisClient, configuration: Configuration,
        mark: BridgeMark? = nil, siblings: SiblingBridges = SiblingBridges(), log: Log = .silent,
        metrics: Metrics = Metrics()
    ) {
        self.loop = loop
        self.mark = mark
        self.siblings = siblings
        predecessors = mark?.predecessors ?? []
        self.client = client
        self.blockingClient = blockingClient
        self.configuration = configuration
        known = KnownNames(since: .now(), for: configuration.doneFor)
        self.log = log
        self.metrics = InboxMetrics(metrics)
        keys = InboxKeys(prefix: configuration.prefix, isOfCluster: configuration.isOfCluster)
        id = InboxKeys.newBridge(configuration.name)
        siblings.replace(nil, with: id)
    }

    /// The bridge's id as it is part of its keys.
    public var bridge: String { id }

    /// True while bridges of other processes share the inbox; to be read on the loop.
    public nonisolated var isShared: Bool { assumeIsolated(on: loop) { $0.hasPeers } }

    // MARK: Commands

    /// A call with the arguments that all scripts begin with.
    func call(_ script: RedisScript, keys names: [String] = []) -> RedisScriptCall {
        var call = RedisScriptCall(script, keys: keys.gates.isEmpty ? names : names + keys.gates)
        call.append(keys.prefix)
        call.append(id)
        call.append(session)
        return call
    }

    func run(_ script: RedisScript, _ arguments: [[UInt8]]) async throws(InboxError) -> RedisValue {
        var call = call(script)
        for argument in arguments { call.append(argument) }
        return try await run(call)
    }

    func run(_ call: RedisScriptCall) async throws(InboxError) -> RedisValue {
        let reply: RedisValue
        do {
            reply = try await client.run(call, timeout: configuration.timeout)
        } catch {
            let failure = InboxError(error)
            if failure.code == .unavailable {
                metrics.away.increment()
                mustAudit = true
                switch error.code {
                case .server where !error.isOfWrongServer: break
                case .cancelled, .overloaded: break
                default:
                    session += 1
                    hasLoadedScripts = false
                }
                planBeat()
            }
            throw failure
        }
        guard reply != .integer(-2) else {
            mustAudit = true
            throw InboxError(code: .unavailable, message: "Redis was reached by a newer connection before this one")
        }
        return reply
    }

    static func number(_ number: Int) -> [UInt8] { Array(String(number).utf8) }

    static func milliseconds(_ duration: Duration) -> Int {
        let parts = duration.components
        return max(1, Int(parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000))
    }

    var lease: [UInt8] { RedisInbox.number(RedisInbox.milliseconds(configuration.lease)) }
    var life: [UInt8] { RedisInbox.number(lifeInSeconds) }
    var lifeInSeconds: Int { max(1, RedisInbox.milliseconds(configuration.doneFor) / 1000) }

    // MARK: What is held

    func remember(_ entry: InboxEntry) {
        order += 1
        let new = Held(
            lane: entry.lane, payload: entry.payload, names: entry.names, attempts: 0, progress: nil, order: order)
        if held.updateValue(new, forKey: entry.id) == nil { metrics.held.add(1) }
    }

    func forget(_ id: UUID) {
        if held.removeValue(forKey: id) != nil { metrics.held.add(-1) }
    }

    /// Hands on what came from elsewhere, or keeps it until a take-over or an audit is complete, which may find older ones.
    func take(_ records: [InboxRecord], atOnce: Bool = false, waits: Bool = false) {
        for record in records {
            guard let delivery = record.delivery else { continue }
            if record.kind == .answer {
                guard held[record.id] == nil else { continue }
                uncertain[record.id] = nil
                // Ours once more, after others had it and died.
                void.remove(record.id)
                order += 1
                held[record.id] = Held(
                    lane: record.lane, payload: record.payload, names: [], attempts: record.attempts,
                    progress: record.progress, order: order)
                metrics.held.add(1)
            }
            if !atOnce, waits || isTakingOver || hasOpenTakeOver || mustAudit {
                waiting.append((record.number, delivery))
            } else {
                receiver?.deliver(delivery)
            }
        }
    }
}

extension RedisInbox {
    /// Hands on what was kept, in the order of claims, once nothing older can come.
    func handOnWaiting() {
        guard !isTakingOver, !hasOpenTakeOver, !mustAudit else { return }
        let complete = waiting.sorted { $0.number < $1.number }
        waiting = []
        for (_, delivery) in complete { receiver?.deliver(delivery) }
    }
}

extension InboxError {
    /// What a failure of Redis means for the inbox.
    init(_ error: RedisError) {
        // "OOM command not allowed when used memory > 'maxmemory'", from scripts within a longer text.
        let isFull = error.code == .server("OOM") || error.message.contains("OOM command not allowed")
        self.init(code: isFull ? .full : .unavailable, message: error.description)
    }
}
