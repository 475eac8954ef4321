/// What Redis knows of the inbox, and what its scripts do to it: docs/decisions/inbox.md as a value.
///
/// Bridges are known by the number of their run, events and conversations by theirs; the session numbers of the bridges are the
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

    /// One script, or its call.
    enum Command: Hashable, Sendable {
        case join(by: UInt8)
        case claim(UInt8, by: UInt8, session: UInt8)
        case begin(UInt8, by: UInt8, session: UInt8)
        case settle(UInt8, by: UInt8, session: UInt8)
        case heartbeat(by: UInt8, session: UInt8)
        case takeOver(UInt8, by: UInt8, session: UInt8)
        /// Only where a mistake makes two commands of a claim.
        case mark(UInt8, by: UInt8, session: UInt8)
    }

    /// What a script answers.
    enum Reply: Hashable, Sendable {
        case joined(session: UInt8, held: [Held])
        case gone
        case stale
        case taken(UInt8, mail: [UInt8])
        case duplicate(UInt8, mail: [UInt8])
        case forwarded(UInt8, mail: [UInt8])
        case dead(UInt8, holder: UInt8, mail: [UInt8])
        case marked(UInt8)
        case begun(UInt8, Bool)
        case settled(UInt8)
        case heartbeat(mail: [UInt8], lapsed: UInt16)
        case takenOver(UInt8, [Held], mail: [UInt8])
    }

    var seen: UInt8 = 0
    /// `bridges`: the session of each; 0 where it is not there.
    var sessions: [UInt8]
    var leases: UInt16 = 0
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
        sessions = Array(repeating: 0, count: bridges)
        lanes = Array(repeating: nil, count: conversations)
        mail = Array(repeating: [], count: bridges)
        inbound = Array(repeating: 0, count: events)
    }

    /// Runs a script.
    ///
    /// - Parameter conversations: the conversation of each event.
    mutating func execute(_ command: Command, conversations: [UInt8], mistake: InboxMistake?) -> Reply {
        switch command {
        case .join(let bridge):
            guard !gone.has(bridge) else { return .gone }
            sessions[Int(bridge)] += 1
            leases.insert(bridge)
            // Whatever was in it is in `held` too.
            mail[Int(bridge)] = []
            return .joined(session: sessions[Int(bridge)], held: held.filter { $0.owner == bridge })
        case .mark(let event, let bridge, let session):
            guard isCurrent(bridge, session, mistake) else { return .stale }
            guard !seen.has(event) else { return .duplicate(event, mail: []) }
            seen.insert(event)
            return .marked(event)
        case .claim(let event, let bridge, let session):
            if mistake != .claimWithoutSession {
                guard isCurrent(bridge, session, mistake) else { return .stale }
            }
            return claim(event, by: bridge, conversation: Int(conversations[Int(event)]), mistake: mistake)
        case .begin(let event, let bridge, let session):
            guard isCurrent(bridge, session, mistake) else { return .stale }
            guard let place = held.firstIndex(where: { $0.event == event }) else {
                // Redis has lost its data: put back from memory.
                hold(event, for: bridge, conversation: Int(conversations[Int(event)]))
                held[held.count - 1].isBegun = true
                return .begun(event, true)
            }
            guard held[place].owner == bridge else { return .begun(event, false) }
            held[place].isBegun = true
            return .begun(event, true)
        case .settle(let event, let bridge, let session):
            if mistake != .settleWithoutSession {
                guard isCurrent(bridge, session, mistake) else { return .stale }
            }
            settle(event, by: bridge, conversation: Int(conversations[Int(event)]), mistake: mistake)
            return .settled(event)
        case .heartbeat(let bridge, let session):
            guard isCurrent(bridge, session, mistake) else { return .stale }
            leases.insert(bridge)
            let lapsed = sessions.indices.filter { sessions[$0] > 0 && !leases.has(UInt8($0)) }
            return .heartbeat(mail: takeMail(bridge), lapsed: lapsed.reduce(into: 0) { $0.insert(UInt8($1)) })
        case .takeOver(let other, let bridge, let session):
            if mistake != .takeOverWithoutSession {
                guard isCurrent(bridge, session, mistake) else { return .stale }
            }
            return takeOver(other, by: bridge, conversations: conversations, mistake: mistake)
        }
    }

    /// Whether a command is this bridge's, and of the connection that it uses now.
    private func isCurrent(_ bridge: UInt8, _ session: UInt8, _ mistake: InboxMistake?) -> Bool {
        guard mistake != .noSessions else { return !gone.has(bridge) }
        return sessions[Int(bridge)] == session
    }

    private mutating func claim(
        _ event: UInt8, by bridge: UInt8, conversation: Int, mistake: InboxMistake?
    ) -> Reply {
        let isMarkedBefore = mistake == .markBeforeClaim
        if seen.has(event), !isMarkedBefore { return .duplicate(event, mail: takeMail(bridge)) }
        if let lane = lanes[conversation], lane.owner != bridge {
            if leases.has(lane.owner), sessions[Int(lane.owner)] > 0 {
                seen.insert(event)
                inbound[Int(event)] += 1
                hold(event, for: lane.owner, conversation: conversation)
                if mistake != .forwardedWithoutMail { mail[Int(lane.owner)].append(event) }
                return .forwarded(event, mail: takeMail(bridge))
            }
            return .dead(event, holder: lane.owner, mail: takeMail(bridge))
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
        return mail[Int(bridge)]
    }

    private mutating func settle(_ event: UInt8, by bridge: UInt8, conversation: Int, mistake: InboxMistake?) {
        outbound.insert(event)
        let place = held.firstIndex {
            $0.event == event && ($0.owner == bridge || mistake == .settleWithoutSession)
        }
        guard let place else { return }
        held.remove(at: place)
        guard var lane = lanes[conversation] else { return }
        lane.count -= 1
        lanes[conversation] = lane.count == 0 || mistake == .laneFreeTooEarly ? nil : lane
    }

    private mutating func takeOver(
        _ other: UInt8, by bridge: UInt8, conversations: [UInt8], mistake: InboxMistake?
    ) -> Reply {
        let own = takeMail(bridge)
        if mistake != .takeOverWithoutLook, leases.has(other) { return .takenOver(other, [], mail: own) }
        guard sessions[Int(other)] > 0 else { return .takenOver(other, [], mail: own) }
        if leases.has(other) { killedTheLiving = true }
        gone.insert(other)
        leases.remove(other)
        sessions[Int(other)] = 0
        mail[Int(other)] = []
        var recovered: [Held] = []
        for place in held.indices where held[place].owner == other {
            held[place].owner = bridge
            if mistake == .takeOverForgetsBegun { held[place].isBegun = false }
            recovered.append(held[place])
        }
        for conversation in lanes.indices where lanes[conversation]?.owner == other {
            lanes[conversation]?.owner = bridge
        }
        return .takenOver(other, recovered, mail: own)
    }
}

extension FixedWidthInteger {
    /// Whether the number is in the set that the bits are.
    func has(_ number: UInt8) -> Bool { self >> Self(number) & 1 == 1 }

    mutating func insert(_ number: UInt8) { self |= 1 << Self(number) }

    mutating func remove(_ number: UInt8) { self &= ~(1 << Self(number)) }
}
