/// Two bridges that share an inbox with `ACK=durable`, as docs/decisions/inbox.md has it.
///
/// A command that Redis executes promptly is one step, and the arrival of its reply another. A command that is slow is put aside
/// while its sender gives it up; it may be executed at any time after, also when its sender is dead.
struct InboxModel: Model {
    /// How much may happen.
    struct Bounds: Sendable {
        /// The conversation of each event.
        var conversations: [UInt8] = [0, 0]
        /// Bridges that are killed, in all.
        var crashes: UInt8 = 1
        /// Leases of living bridges that run out.
        var lapses: UInt8 = 1
        /// Lost connections and commands that are executed late.
        var losses: UInt8 = 1
        /// Deliveries that nothing called for.
        var retries: UInt8 = 1
        /// All of these together.
        var faults: UInt8 = 2
        /// Commands that a bridge has under way at a time.
        var inFlight = 2
    }

    /// How far a bridge is with an event.
    enum Phase: UInt8, Sendable { case waiting, beginning, begun, sent, settling }

    /// An event that a bridge has in memory.
    struct Entry: Hashable, Sendable {
        var event: UInt8
        var phase = Phase.waiting
        /// Somebody else may have answered it.
        var isDoubtful = false
    }

    /// A webhook that is not acknowledged yet.
    struct Webhook: Hashable, Sendable {
        enum Stage: Hashable, Sendable { case claiming, toClaim, marking, toTakeOver(UInt8), takingOver(UInt8) }
        var event: UInt8
        var stage: Stage
    }

    /// What a bridge has to do before it may claim.
    enum Recovery: UInt8, Sendable { case join, joining, beat, beating, audit, auditing, none }

    struct Bridge: Hashable, Sendable {
        var isUp = true
        /// The number of its run, among all bridges'.
        var id: UInt8
        /// The number of its connection.
        var session: UInt8 = 1
        var recovery = Recovery.join
        /// Whether memory and Redis may differ.
        var mustAudit = false
        var entries: [Entry] = []
        var webhooks: [Webhook] = []
        /// Replies under way to it, oldest first.
        var replies: [InboxRedis.Reply] = []
        /// Bridges that it takes for dead.
        var lapsed: UInt16 = 0
    }

    struct State: Hashable, Sendable {
        var redis: InboxRedis
        var bridges: [Bridge]
        /// Commands that were given up and may be executed still.
        var late: [InboxRedis.Command] = []
        /// The events that were delivered at least once.
        var arrived: UInt8 = 0
        var acknowledged: UInt8 = 0
        /// How often each event was answered.
        var answers: [UInt8]
        /// The events whose users read that something went wrong.
        var told: UInt8 = 0
        /// Events that a bridge has in memory and Redis has not.
        var vanished: UInt8 = 0
        var left: Bounds.Left
    }

    /// A step.
    enum Action: Sendable, CustomStringConvertible {
        case run(UInt8, InboxRedis.Command)
        case stall(UInt8, InboxRedis.Command)
        case late(InboxRedis.Command)
        case receive(UInt8, InboxRedis.Reply)
        case send(UInt8, UInt8)
        case tell(UInt8, UInt8)
        case crash(UInt8)
        case retire(UInt8)
        case restart(UInt8)
        case lapse(UInt8)
        case disconnect(UInt8)

        var description: String {
            switch self {
            case .run(let bridge, let command): "bridge \(bridge) runs \(command)"
            case .stall(let bridge, let command):
                "bridge \(bridge) sends \(command), and gives it up: it is still under way"
            case .late(let command): "executed late: \(command)"
            case .receive(let bridge, let reply): "bridge \(bridge) reads \(reply)"
            case .send(let bridge, let event): "bridge \(bridge) answers event \(event)"
            case .tell(let bridge, let event): "bridge \(bridge) tells the user that event \(event) went wrong"
            case .crash(let bridge): "bridge \(bridge) is killed"
            case .retire(let bridge): "bridge \(bridge) ends in order"
            case .restart(let bridge): "bridge \(bridge) starts"
            case .lapse(let id): "the lease of run \(id) runs out"
            case .disconnect(let bridge): "bridge \(bridge) loses its connection and the replies on their way"
            }
        }
    }

    var bounds = Bounds()
    var mistake: InboxMistake?

    var runs: Int { 2 + 2 * Int(min(bounds.faults, bounds.crashes + bounds.lapses)) }

    var initial: State {
        let events = bounds.conversations.count
        var redis = InboxRedis(
            bridges: runs, events: events, conversations: Int(bounds.conversations.max() ?? 0) + 1)
        var bridges: [Bridge] = []
        for id in UInt8(0)..<2 {
            _ = redis.execute(.join(by: id, session: 1), conversations: bounds.conversations, mistake: nil)
            bridges.append(Bridge(id: id, recovery: .none))
        }
        return State(
            redis: redis, bridges: bridges, answers: Array(repeating: 0, count: events), left: Bounds.Left(bounds))
    }

    func violation(in state: State) -> String? {
        for event in UInt8(0)..<UInt8(state.answers.count) {
            let held = state.redis.held.filter { $0.event == event }
            let isOver = state.answers[Int(event)] > 0 || state.told.has(event)
            if state.answers[Int(event)] > 1 { return "event \(event) was answered twice" }
            if held.count > 1 { return "event \(event) is held twice" }
            if state.acknowledged.has(event) {
                if !isOver, held.isEmpty { return "event \(event) was acknowledged and is lost" }
                if state.redis.inbound[Int(event)] == 0 { return "event \(event) was acknowledged and not logged" }
            }
            if state.redis.inbound[Int(event)] > 1 { return "event \(event) was logged twice" }
            if isOver, held.isEmpty, !state.redis.outbound.has(event) { return "the answer to \(event) was not logged" }
        }
        for (place, entry) in state.redis.held.enumerated() where entry.isBegun {
            let conversation = bounds.conversations[Int(entry.event)]
            if state.redis.held[..<place].contains(where: { bounds.conversations[Int($0.event)] == conversation }) {
                return "event \(entry.event) is in work before its turn"
            }
        }
        if state.vanished != 0 { return "an entry has vanished from Redis, which has lost nothing" }
        if state.redis.killedTheLiving { return "a bridge was declared dead while its lease stood" }
        return nil
    }

    func isFinished(_ state: State) -> Bool {
        state.redis.held.isEmpty && state.redis.lanes.allSatisfy { $0 == nil }
            && state.acknowledged == (1 << UInt8(state.answers.count)) - 1
            && state.bridges.allSatisfy(\.entries.isEmpty)
    }
}

extension InboxModel.Bounds {
    /// What may still go wrong.
    struct Left: Hashable, Sendable {
        var crashes: UInt8
        var lapses: UInt8
        var losses: UInt8
        var retries: UInt8
        var faults: UInt8

        init(_ bounds: InboxModel.Bounds) {
            crashes = bounds.crashes
            lapses = bounds.lapses
            losses = bounds.losses
            retries = bounds.retries
            faults = bounds.faults
        }

        /// Whether one more of a kind may happen.
        func has(_ kind: KeyPath<Self, UInt8>) -> Bool { faults > 0 && self[keyPath: kind] > 0 }

        mutating func spend(_ kind: WritableKeyPath<Self, UInt8>) {
            self[keyPath: kind] -= 1
            faults -= 1
            // With none left it does not matter which kinds they were.
            if faults == 0 { (crashes, lapses, losses, retries) = (0, 0, 0, 0) }
        }
    }
}
