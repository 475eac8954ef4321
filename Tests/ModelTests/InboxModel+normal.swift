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
        let sessions = sessionRanks(of: state)
        let isAsItIs =
            relevant.names(asTheyAre: names) && sessions.allSatisfy { $0.isEmpty || $0.last == UInt8($0.count) }
        state.redis.gone &= relevant
        return isAsItIs ? state : renamed(state, to: names, sessions: sessions)
    }

    /// Whether a command that comes late can only be refused.
    private func isWithoutEffect(_ command: InboxRedis.Command, in redis: InboxRedis) -> Bool {
        switch command {
        case .join: return redis.bridges.has(command.sender)
        case .settle(let event, let bridge, _):
            return redis.outbound.has(event) && !redis.held.contains { $0.event == event && $0.owner == bridge }
        case .retire: return false
        default: break
        }
        // Sessions grow while a lease stands, and a bridge that is gone does not come back.
        return redis.gone.has(command.sender) && !redis.lives(command.sender)
    }

    /// The sessions that are told apart, of each run, in their order.
    private func sessionRanks(of state: State) -> [[UInt8]] {
        var sessions: [[UInt8]] = Array(repeating: [], count: runs)
        for id in 0..<runs where state.redis.leases[id] > 0 { sessions[id].append(state.redis.leases[id]) }
        for bridge in state.bridges where bridge.isUp { sessions[Int(bridge.id)].append(bridge.session) }
        for command in state.late { sessions[Int(command.sender)].append(command.session) }
        return sessions.map { Array(Set($0)).sorted() }
    }

    /// The runs that something still refers to.
    private func relevantRuns(of state: State) -> UInt16 {
        var runs = state.redis.bridges
        for id in state.redis.leases.indices where state.redis.leases[id] > 0 { runs.insert(UInt8(id)) }
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
                case .beat(_, _, _, let lapsed): runs |= lapsed
                case .dead(_, let holder, _): runs.insert(holder)
                case .takenOver(let other, let held, _):
                    runs.insert(other)
                    for entry in held { runs.insert(entry.owner) }
                case .audited(let held): for entry in held { runs.insert(entry.owner) }
                default: break
                }
            }
        }
        return runs
    }

    private func renamed(_ state: State, to names: [UInt8], sessions: [[UInt8]]) -> State {
        var renamed = state
        func name(_ id: UInt8) -> UInt8 { names[Int(id)] }
        func rank(_ session: UInt8, of id: UInt8) -> UInt8 {
            sessions[Int(id)].firstIndex(of: session).map { UInt8($0) + 1 } ?? 0
        }
        func set(_ ids: UInt16) -> UInt16 {
            var result: UInt16 = 0
            for id in UInt8(0)..<UInt8(runs) where ids.has(id) && name(id) != .max { result.insert(name(id)) }
            return result
        }
        renamed.redis.leases = Array(repeating: 0, count: runs)
        renamed.redis.bridges = set(state.redis.bridges)
        renamed.redis.mail = Array(repeating: [], count: runs)
        for id in 0..<runs where names[id] != .max {
            renamed.redis.leases[Int(names[id])] = rank(state.redis.leases[id], of: UInt8(id))
            renamed.redis.mail[Int(names[id])] = state.redis.mail[id]
        }
        renamed.redis.gone = set(state.redis.gone)
        func held(_ entries: [InboxRedis.Held]) -> [InboxRedis.Held] {
            entries.map { InboxRedis.Held(event: $0.event, owner: name($0.owner), isBegun: $0.isBegun) }
        }
        renamed.redis.held = held(state.redis.held)
        renamed.redis.lanes = state.redis.lanes.map { lane in
            lane.map { InboxRedis.Lane(owner: name($0.owner), count: $0.count) }
        }
        renamed.late = state.late.map { $0.renamed(name, rank($0.session, of: $0.sender)) }
        for index in renamed.bridges.indices {
            var bridge = state.bridges[index]
            bridge.session = bridge.isUp ? rank(bridge.session, of: bridge.id) : 1
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
                case .beat(let stood, let count, let mail, let lapsed):
                    .beat(stood: stood, count: count, mail: mail, lapsed: set(lapsed))
                case .dead(let event, let holder, let mail): .dead(event, holder: name(holder), mail: mail)
                case .takenOver(let other, let entries, let mail):
                    .takenOver(name(other), held(entries), mail: mail)
                case .audited(let entries): .audited(held(entries))
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

extension InboxRedis.Command {
    /// The bridge that sends it.
    var sender: UInt8 { parts.sender }

    /// The session that it carries.
    var session: UInt8 { parts.session }

    private var parts: (sender: UInt8, session: UInt8) {
        switch self {
        case .join(let bridge, let session), .beat(let bridge, let session), .audit(let bridge, let session),
            .retire(let bridge, let session), .claim(_, let bridge, let session), .begin(_, let bridge, let session),
            .settle(_, let bridge, let session), .takeOver(_, let bridge, let session),
            .mark(_, let bridge, let session):
            (bridge, session)
        }
    }

    /// The same command of a run and a session with other numbers.
    func renamed(_ name: (UInt8) -> UInt8, _ session: UInt8) -> Self {
        let bridge = name(sender)
        return switch self {
        case .join: .join(by: bridge, session: session)
        case .beat: .beat(by: bridge, session: session)
        case .audit: .audit(by: bridge, session: session)
        case .retire: .retire(by: bridge, session: session)
        case .claim(let event, _, _): .claim(event, by: bridge, session: session)
        case .begin(let event, _, _): .begin(event, by: bridge, session: session)
        case .settle(let event, _, _): .settle(event, by: bridge, session: session)
        case .takeOver(let other, _, _): .takeOver(name(other), by: bridge, session: session)
        case .mark(let event, _, _): .mark(event, by: bridge, session: session)
        }
    }
}
