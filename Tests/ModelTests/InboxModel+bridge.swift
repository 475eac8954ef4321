/// What a bridge makes of a reply, and of none.
extension InboxModel {
    func receive(_ reply: InboxRedis.Reply, at place: Int, in state: inout State) {
        switch reply {
        case .gone:
            // Whatever it holds is somebody else's: it begins anew.
            state.bridges[place] = Bridge(id: state.bridges[place].id + 2)
        case .stale, .unleased:
            // Nobody waits for the first; after the second it beats before it claims again.
            disconnect(place, in: &state)
        case .joined: state.bridges[place].recovery = .beat
        case .audited(let held):
            state.bridges[place].recovery = .none
            state.bridges[place].mustAudit = false
            reconcile(held, at: place, in: &state)
        case .beat(let stood, let count, let mail, let lapsed):
            var bridge = state.bridges[place]
            bridge.lapsed = lapsed
            let known = bridge.entries.count + mail.count { bridge.phase(of: $0) == nil }
            if !stood || count != known { bridge.mustAudit = true }
            if !bridge.mustAudit || mistake == .mailBeforeAudit {
                for event in mail { bridge.add(Entry(event: event)) }
            }
            // Else it comes with what the audit finds, in the order of claims.
            if bridge.recovery == .none || bridge.recovery == .beating {
                bridge.recovery = bridge.mustAudit ? .audit : .none
            }
            state.bridges[place] = bridge
        case .retired: break
        case .marked(let event):
            state.bridges[place].change(webhook: event, to: .toClaim)
        case .taken(let event, let mail):
            if mistake == .verdictBeforeMail { state.bridges[place].add(Entry(event: event)) }
            deliver(mail, to: place, in: &state)
            state.bridges[place].add(Entry(event: event))
            acknowledge(event, at: place, in: &state)
        case .duplicate(let event, let mail), .forwarded(let event, let mail):
            deliver(mail, to: place, in: &state)
            acknowledge(event, at: place, in: &state)
        case .dead(let event, let holder, let mail):
            deliver(mail, to: place, in: &state)
            state.bridges[place].change(webhook: event, to: .toTakeOver(holder))
        case .begun(let event):
            if state.bridges[place].phase(of: event) == .beginning { state.bridges[place].change(event, to: .begun) }
        case .missing(let event): state.vanished.insert(event)
        case .settled(let event): state.bridges[place].entries.removeAll { $0.event == event }
        case .takenOver(let other, let held, let mail):
            deliver(mail, to: place, in: &state)
            for entry in held { state.bridges[place].add(Entry(event: entry.event, isDoubtful: entry.isBegun)) }
            for index in state.bridges[place].webhooks.indices
            where state.bridges[place].webhooks[index].stage == .takingOver(other) {
                state.bridges[place].webhooks[index].stage = .toClaim
            }
        }
    }

    /// What was under way is unanswered: webhooks are refused, and everything else is done again after the next join.
    func disconnect(_ place: Int, in state: inout State) {
        var bridge = state.bridges[place]
        bridge.replies = []
        bridge.lapsed = 0
        bridge.webhooks = []
        for index in bridge.entries.indices {
            switch bridge.entries[index].phase {
            case .beginning: bridge.entries[index].phase = .waiting
            case .settling: bridge.entries[index].phase = .sent
            case .waiting, .begun, .sent: break
            }
        }
        bridge.session += 1
        bridge.mustAudit = true
        let hasJoined = bridge.recovery != .join && bridge.recovery != .joining
        bridge.recovery = hasJoined ? .beat : .join
        state.bridges[place] = bridge
    }

    /// Compares what Redis keeps for this bridge with what it remembers.
    private func reconcile(_ held: [InboxRedis.Held], at place: Int, in state: inout State) {
        guard mistake != .auditForgets else { return }
        // Settled, and the reply was lost. (Redis without its data is another model's.)
        state.bridges[place].entries.removeAll { entry in
            entry.phase == .sent && !held.contains { $0.event == entry.event }
        }
        for entry in held where state.bridges[place].phase(of: entry.event) == nil {
            state.bridges[place].add(Entry(event: entry.event, isDoubtful: entry.isBegun))
        }
    }

    private func deliver(_ mail: [UInt8], to place: Int, in state: inout State) {
        for event in mail { state.bridges[place].add(Entry(event: event)) }
    }

    private func acknowledge(_ event: UInt8, at place: Int, in state: inout State) {
        state.bridges[place].webhooks.removeAll { $0.event == event }
        state.acknowledged.insert(event)
    }
}

extension InboxModel.Bridge {
    mutating func add(_ entry: InboxModel.Entry) {
        if phase(of: entry.event) == nil { entries.append(entry) }
    }

    func phase(of event: UInt8) -> InboxModel.Phase? { entries.first { $0.event == event }?.phase }

    mutating func change(_ event: UInt8, to phase: InboxModel.Phase) {
        guard let index = entries.firstIndex(where: { $0.event == event }) else { return }
        entries[index].phase = phase
    }

    mutating func change(webhook event: UInt8, to stage: InboxModel.Webhook.Stage) {
        guard let index = webhooks.firstIndex(where: { $0.event == event }) else { return }
        webhooks[index].stage = stage
    }
}
