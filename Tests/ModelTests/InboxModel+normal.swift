/// States that differ in names alone are one.
extension InboxModel {
    /// The state with all forgotten that cannot matter any more, and the runs and sessions numbered anew.
    func normalized(_ state: State) -> State {
        var state = state
        if mistake == nil { state.late.removeAll { isWithoutEffect($0, in: state.redis) } }
        let relevant = relevantRuns(of: state)
        var names: [UInt8] = Array(repeating: .max, count: runs)
        for slot in UInt8(0)..<2 {
            var next = slot
            for id in stride(from: slot, to: UInt8(runs), by: 2) where relevant.has(id) {
                names[Int(id)] = next
                next += 2
            }
        }
        var sessions: [UInt8] = Array(repeating: 0, count: runs)
        for id in UInt8(0)..<UInt8(runs) {
            let session = state.redis.sessions[Int(id)]
            guard session > 1 else { continue }
            let isKnown = state.late.contains { $0.sender == id && $0.session != nil }
            // The number matters only while there is another to tell it from.
            let others = state.bridges.filter { $0.id == id && $0.isUp && $0.session != session && !$0.needsJoin }
            let isPromised = state.bridges.contains { $0.id == id && $0.replies.contains { $0.isJoin } }
            if !isKnown, others.isEmpty, !isPromised { sessions[Int(id)] = session - 1 }
        }
        let isAsItIs = relevant.names(asTheyAre: names) && sessions.allSatisfy { $0 == 0 }
        state.redis.gone &= relevant
        return isAsItIs ? state : renamed(state, to: names, lowering: sessions)
    }

    /// Whether a command that comes late can only be refused.
    private func isWithoutEffect(_ command: InboxRedis.Command, in redis: InboxRedis) -> Bool {
        guard let session = command.session else { return redis.gone.has(command.sender) }
        // Sessions grow, and a bridge that is gone does not come back.
        return redis.gone.has(command.sender) || redis.sessions[Int(command.sender)] > session
    }

    /// The runs that something still refers to.
    private func relevantRuns(of state: State) -> UInt16 {
        var runs: UInt16 = state.redis.leases
        for id in state.redis.sessions.indices where state.redis.sessions[id] > 0 { runs.insert(UInt8(id)) }
        for entry in state.redis.held { runs.insert(entry.owner) }
        for lane in state.redis.lanes { if let lane { runs.insert(lane.owner) } }
        for command in state.late {
            runs.insert(command.sender)
            if case .takeOver(let other, _, _) = command { runs.insert(other) }
        }
        for bridge in state.bridges {
            if bridge.isUp { runs.insert(bridge.id) }
            runs |= bridge.lapsed
            for webhook in bridge.webhooks {
                switch webhook.stage {
                case .toTakeOver(let other), .takingOver(let other): runs.insert(other)
                case .claiming, .toClaim, .marking: break
                }
            }
            for reply in bridge.replies {
                switch reply {
                case .heartbeat(_, let lapsed): runs |= lapsed
                case .dead(_, let holder, _): runs.insert(holder)
                case .takenOver(let other, let held, _):
                    runs.insert(other)
                    for entry in held { runs.insert(entry.owner) }
                case .joined(_, let held): for entry in held { runs.insert(entry.owner) }
                default: break
                }
            }
        }
        return runs
    }

    private func renamed(_ state: State, to names: [UInt8], lowering sessions: [UInt8]) -> State {
        var renamed = state
        func name(_ id: UInt8) -> UInt8 { names[Int(id)] }
        func set(_ ids: UInt16) -> UInt16 {
            var result: UInt16 = 0
            for id in UInt8(0)..<UInt8(runs) where ids.has(id) && name(id) != .max { result.insert(name(id)) }
            return result
        }
        renamed.redis.sessions = Array(repeating: 0, count: runs)
        renamed.redis.mail = Array(repeating: [], count: runs)
        for id in 0..<runs where names[id] != .max {
            renamed.redis.sessions[Int(names[id])] = state.redis.sessions[id] - sessions[id]
            renamed.redis.mail[Int(names[id])] = state.redis.mail[id]
        }
        renamed.redis.leases = set(state.redis.leases)
        renamed.redis.gone = set(state.redis.gone)
        func held(_ entries: [InboxRedis.Held]) -> [InboxRedis.Held] {
            entries.map { InboxRedis.Held(event: $0.event, owner: name($0.owner), isBegun: $0.isBegun) }
        }
        renamed.redis.held = held(state.redis.held)
        renamed.redis.lanes = state.redis.lanes.map { lane in
            lane.map { InboxRedis.Lane(owner: name($0.owner), count: $0.count) }
        }
        renamed.late = state.late.map { $0.renamed(name) }
        for index in renamed.bridges.indices {
            var bridge = state.bridges[index]
            let lowered = sessions[Int(bridge.id)]
            bridge.session = bridge.isUp && bridge.session > 0 ? bridge.session - min(lowered, bridge.session) : 0
            // A run that is over leaves its slot for the next to be numbered from.
            let last = (0..<runs).last { names[$0] != .max && $0 % 2 == index }
            bridge.id = bridge.isUp ? name(bridge.id) : last.map { names[$0] } ?? UInt8(index)
            bridge.lapsed = set(bridge.lapsed)
            bridge.webhooks = bridge.webhooks.map { webhook in
                switch webhook.stage {
                case .toTakeOver(let other): Webhook(event: webhook.event, stage: .toTakeOver(name(other)))
                case .takingOver(let other): Webhook(event: webhook.event, stage: .takingOver(name(other)))
                case .claiming, .toClaim, .marking: webhook
                }
            }
            bridge.replies = bridge.replies.map { reply in
                switch reply {
                case .heartbeat(let mail, let lapsed): .heartbeat(mail: mail, lapsed: set(lapsed))
                case .dead(let event, let holder, let mail): .dead(event, holder: name(holder), mail: mail)
                case .takenOver(let other, let entries, let mail):
                    .takenOver(name(other), held(entries), mail: mail)
                case .joined(let session, let entries): .joined(session: session, held: held(entries))
                default: reply
                }
            }
            renamed.bridges[index] = bridge
        }
        return renamed
    }
}

extension UInt16 {
    /// Whether the runs in the set keep their names.
    fileprivate func names(asTheyAre names: [UInt8]) -> Bool {
        names.indices.allSatisfy { !has(UInt8($0)) || names[$0] == UInt8($0) }
    }
}

extension InboxRedis.Reply {
    fileprivate var isJoin: Bool {
        if case .joined = self { true } else { false }
    }
}

extension InboxRedis.Command {
    /// The bridge that sends it.
    var sender: UInt8 {
        switch self {
        case .join(let bridge), .claim(_, let bridge, _), .begin(_, let bridge, _), .settle(_, let bridge, _),
            .heartbeat(let bridge, _), .takeOver(_, let bridge, _), .mark(_, let bridge, _):
            bridge
        }
    }

    /// The session that it carries.
    var session: UInt8? {
        switch self {
        case .join: nil
        case .claim(_, _, let session), .begin(_, _, let session), .settle(_, _, let session),
            .heartbeat(_, let session), .takeOver(_, _, let session), .mark(_, _, let session):
            session
        }
    }

    func renamed(_ name: (UInt8) -> UInt8) -> Self {
        switch self {
        case .join(let bridge): .join(by: name(bridge))
        case .claim(let event, let bridge, let session): .claim(event, by: name(bridge), session: session)
        case .begin(let event, let bridge, let session): .begin(event, by: name(bridge), session: session)
        case .settle(let event, let bridge, let session): .settle(event, by: name(bridge), session: session)
        case .heartbeat(let bridge, let session): .heartbeat(by: name(bridge), session: session)
        case .takeOver(let other, let bridge, let session): .takeOver(name(other), by: name(bridge), session: session)
        case .mark(let event, let bridge, let session): .mark(event, by: name(bridge), session: session)
        }
    }
}
