/// What Redis knows of the inbox, and what its scripts do to it: docs/decisions/inbox.md as a value.
///
/// Bridges are known by the number of their run, events and conversations by theirs; a bridge's session, one for each connection, is the
/// fence against commands that are executed after their sender gave them up.
struct InboxRedis: Hashable, Sendable {
    /// An entry of `held:{bridge}`; their order is the order of claims.
    struct Held: Hashable, Sendable {
        var event: UInt8
        var owner: UInt8
        var isBegun = false
    }

    /// An entry of `lanes`.
    struct Lane: Hashable, Sendable {
        var owner: UInt8
        var count: UInt8
    }

    /// A script's call; a session that is 0 would be older than any.
    enum Command: Hashable, Sendable {
        case join(by: UInt8, session: UInt8)
        case claim(UInt8, by: UInt8, session: UInt8)
        case begin(UInt8, by: UInt8, session: UInt8)
        case settle(UInt8, by: UInt8, session: UInt8)
        case beat(by: UInt8, session: UInt8)
        /// With what is collected of it.
        case audit(by: UInt8, session: UInt8)
        case takeOver(UInt8, by: UInt8, session: UInt8)
        case retire(by: UInt8, session: UInt8)
        /// Only where a mistake makes two commands of a claim.
        case mark(UInt8, by: UInt8, session: UInt8)
    }

    /// What a script answers.
    enum Reply: Hashable, Sendable {
        case joined
        /// -1: this bridge was declared dead.
        case gone
        /// -2: the command is of an earlier session.
        case stale
        /// -3: this bridge has no lease, and is to beat first.
        case unleased
        case taken(UInt8, mail: [UInt8])
        case duplicate(UInt8, mail: [UInt8])
        case forwarded(UInt8, mail: [UInt8])
        case dead(UInt8, holder: UInt8, mail: [UInt8])
        case marked(UInt8)
        case begun(UInt8)
        /// It is not held: Redis has lost its data.
        case missing(UInt8)
        case settled(UInt8)
        case beat(stood: Bool, count: Int, mail: [UInt8], lapsed: UInt16)
        case audited([Held])
        case takenOver(UInt8, [Held], mail: [UInt8])
        case retired
    }

    var seen: UInt8 = 0
    /// `bridges`.
    var bridges: UInt16 = 0
    /// The session in each bridge's lease; 0 where there is none.
    var leases: [UInt8]
    var gone: UInt16 = 0
    var held: [Held] = []
    var lanes: [Lane?]
    var mail: [[UInt8]]
    /// How often the log job of each event went to the queue.
    var inbound: [UInt8]
    /// Whose answers' log jobs are in the queue, or in the dead letters.
    var outbound: UInt8 = 0
    /// True once a bridge was declared dead although its lease stood.
    var killedTheLiving = false

    init(bridges: Int, events: Int, conversations: Int) {
        leases = Array(repeating: 0, count: bridges)
        lanes = Array(repeating: nil, count: conversations)
        mail = Array(repeating: [], count: bridges)
        inbound = Array(repeating: 0, count: events)
    }

    func lives(_ bridge: UInt8) -> Bool { leases[Int(bridge)] > 0 }

    /// Runs a script.
    ///
    /// - Parameter conversations: the conversation of each event.
    mutating func execute(_ command: Command, conversations: [UInt8], mistake: InboxMistake?) -> Reply {
        let bridge = command.sender
        if let refusal = refusal(of: command, mistake) { return refusal }
        switch command {
        case .join(_, let session):
            guard !bridges.has(bridge) else { return .joined }
            leases[Int(bridge)] = session
            bridges.insert(bridge)
            return .joined
        case .mark(let event, _, _):
            guard !seen.has(event) else { return .duplicate(event, mail: []) }
            seen.insert(event)
            return .marked(event)
        case .claim(let event, _, _):
            return claim(event, by: bridge, conversation: Int(conversations[Int(event)]), mistake: mistake)
        case .begin(let event, _, _):
            guard let place = held.firstIndex(where: { $0.event == event && $0.owner == bridge }) else {
                return .missing(event)
            }
            held[place].isBegun = true
            return .begun(event)
        case .settle(let event, _, _):
            settle(event, by: bridge, conversation: Int(conversations[Int(event)]), mistake: mistake)
            return .settled(event)
        case .beat(_, let session):
            let stood = lives(bridge) && bridges.has(bridge)
            leases[Int(bridge)] = session
            bridges.insert(bridge)
            var lapsed: UInt16 = 0
            for other in UInt8(0)..<UInt8(leases.count) where bridges.has(other) && !lives(other) {
                lapsed.insert(other)
            }
            let mail = takeMail(bridge)
            return .beat(stood: stood, count: held.count { $0.owner == bridge }, mail: mail, lapsed: lapsed)
        case .audit: return .audited(held.filter { $0.owner == bridge })
        case .takeOver(let other, _, let session):
            leases[Int(bridge)] = session
            return takeOver(other, by: bridge, conversations: conversations, mistake: mistake)
        case .retire:
            leases[Int(bridge)] = 0
            let isEmpty = !held.contains { $0.owner == bridge } && mail[Int(bridge)].isEmpty
            if isEmpty { bridges.remove(bridge) } else { gone.insert(bridge) }
            return .retired
        }
    }

    /// The fence: what is late, or of the dead, does nothing.
    private func refusal(of command: Command, _ mistake: InboxMistake?) -> Reply? {
        let bridge = command.sender
        let lease = leases[Int(bridge)]
        switch command {
        // Whose own entries it ends, it may always end; a new run is nobody's heir.
        case .settle, .join, .retire: return nil
        case .claim where mistake == .claimWithoutSession, .takeOver where mistake == .takeOverWithoutSession:
            return nil
        default: break
        }
        if lease > command.session, mistake != .noSessions { return .stale }
        guard lease == 0 else { return nil }
        if gone.has(bridge) { return .gone }
        if case .claim = command, mistake != .claimWithoutLease { return .unleased }
        return nil
    }

    private mutating func claim(
        _ event: UInt8, by bridge: UInt8, conversation: Int, mistake: InboxMistake?
    ) -> Reply {
        let isMarkedBefore = mistake == .markBeforeClaim
        if seen.has(event), !isMarkedBefore { return .duplicate(event, mail: takeMail(bridge)) }
        if let lane = lanes[conversation], lane.owner != bridge {
            if lives(lane.owner) {
                seen.insert(event)
                inbound[Int(event)] += 1
                hold(event, for: lane.owner, conversation: conversation)
                mail[Int(lane.owner)].append(event)
                return .forwarded(event, mail: takeMail(bridge))
            }
            if bridges.has(lane.owner) { return .dead(event, holder: lane.owner, mail: takeMail(bridge)) }
            lanes[conversation] = nil
        }
        seen.insert(event)
        inbound[Int(event)] += 1
        if mistake != .claimWithoutPayload { hold(event, for: bridge, conversation: conversation) }
        return .taken(event, mail: takeMail(bridge))
    }

    private mutating func hold(_ event: UInt8, for bridge: UInt8, conversation: Int) {
        held.append(Held(event: event, owner: bridge))
        lanes[conversation] = Lane(owner: bridge, count: (lanes[conversation]?.count ?? 0) + 1)
    }

    private mutating func takeMail(_ bridge: UInt8) -> [UInt8] {
        defer { mail[Int(bridge)] = [] }
        return mail[Int(bridge)].filter { event in held.contains { $0.event == event && $0.owner == bridge } }
    }

    private mutating func settle(_ event: UInt8, by bridge: UInt8, conversation: Int, mistake: InboxMistake?) {
        outbound.insert(event)
        let place = held.firstIndex {
            $0.event == event && ($0.owner == bridge || mistake == .settleWithoutOwner)
        }
        guard let place else { return }
        held.remove(at: place)
        guard var lane = lanes[conversation], lane.owner == bridge || mistake == .settleWithoutOwner else { return }
        lane.count -= 1
        lanes[conversation] = lane.count == 0 || mistake == .laneFreeTooEarly ? nil : lane
    }

    private mutating func takeOver(
        _ other: UInt8, by bridge: UInt8, conversations: [UInt8], mistake: InboxMistake?
    ) -> Reply {
        let isThere = bridges.has(other) || held.contains { $0.owner == other }
        guard other != bridge, isThere, !lives(other) || mistake == .takeOverWithoutLook else {
            return .takenOver(other, [], mail: takeMail(bridge))
        }
        if lives(other) { killedTheLiving = true }
        gone.insert(other)
        var recovered: [Held] = []
        for place in held.indices where held[place].owner == other {
            let conversation = Int(conversations[Int(held[place].event)])
            var lane = lanes[conversation] ?? Lane(owner: bridge, count: 0)
            if lane.owner != bridge, !lives(lane.owner) || lane.owner == other { lane = Lane(owner: bridge, count: 0) }
            lane.count += 1
            lanes[conversation] = lane
            held[place].owner = lane.owner
            if mistake == .takeOverForgetsBegun { held[place].isBegun = false }
            if lane.owner == bridge {
                recovered.append(held[place])
            } else {
                mail[Int(lane.owner)].append(held[place].event)
            }
        }
        leases[Int(other)] = 0
        mail[Int(other)] = []
        bridges.remove(other)
        return .takenOver(other, recovered, mail: takeMail(bridge))
    }
}

extension FixedWidthInteger {
    /// Whether the number is in the set that the bits are.
    func has(_ number: UInt8) -> Bool { self >> Self(number) & 1 == 1 }

    mutating func insert(_ number: UInt8) { self |= 1 << Self(number) }

    mutating func remove(_ number: UInt8) { self &= ~(1 << Self(number)) }
}
