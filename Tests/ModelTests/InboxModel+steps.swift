/// What may happen next.
extension InboxModel {
    func expand(_ state: State, _ next: (Action, Bool, State) -> Void) {
        allSteps(from: state) { next($0, $1, normalized($2)) }
    }

    private func allSteps(from state: State, _ next: (Action, Bool, State) -> Void) {
        for (index, command) in state.late.enumerated() where index == 0 || state.late[index - 1] != command {
            var after = state
            after.late.remove(at: index)
            _ = run(command, in: &after)
            next(.late(command), true, after)
        }
        for bridge in state.bridges.indices { expand(bridge, in: state, next) }
        for id in UInt8(0)..<UInt8(runs) where state.redis.lives(id) {
            let isAlive = state.bridges.contains { $0.isUp && $0.id == id }
            guard !isAlive || state.left.has(\.lapses) else { continue }
            var after = state
            after.redis.leases[Int(id)] = 0
            if isAlive { after.left.spend(\.lapses) }
            next(.lapse(id), isAlive, after)
        }
    }

    private func expand(_ place: Int, in state: State, _ next: (Action, Bool, State) -> Void) {
        let name = UInt8(place)
        let bridge = state.bridges[place]
        guard bridge.isUp else {
            var after = state
            after.bridges[place] = Bridge(id: bridge.id + 2)
            // Nobody may count on it while the other one lives.
            next(.restart(name), state.bridges.contains(where: \.isUp), after)
            return
        }
        for command in commands(of: place, in: state) {
            var after = state
            let isRetry = note(command, of: place, in: &after)
            if isRetry { after.left.spend(\.retries) }
            if after.left.has(\.losses) {
                var stalled = after
                stalled.left.spend(\.losses)
                stalled.late.append(command)
                stalled.late.sort { "\($0)" < "\($1)" }
                disconnect(place, in: &stalled)
                next(.stall(name, command), true, stalled)
            }
            let reply = run(command, in: &after)
            after.bridges[place].replies.append(reply)
            next(.run(name, command), isRetry, after)
        }
        if let reply = bridge.replies.first {
            var after = state
            after.bridges[place].replies.removeFirst()
            receive(reply, at: place, in: &after)
            next(.receive(name, reply), false, after)
            if state.left.has(\.losses) {
                var after = state
                after.left.spend(\.losses)
                disconnect(place, in: &after)
                next(.disconnect(name), true, after)
            }
        }
        for (index, entry) in bridge.entries.enumerated() {
            let mayAnswer = entry.phase == .begun || (mistake == .beginNotAwaited && entry.phase == .beginning)
            guard mayAnswer else { continue }
            var after = state
            after.bridges[place].entries[index].phase = .sent
            if entry.isDoubtful, mistake != .doubtSentAgain {
                after.told.insert(entry.event)
                next(.tell(name, entry.event), false, after)
            } else {
                after.answers[Int(entry.event)] += 1
                next(.send(name, entry.event), false, after)
            }
        }
        if state.left.has(\.crashes) {
            var after = state
            after.left.spend(\.crashes)
            after.bridges[place] = Bridge(isUp: false, id: bridge.id)
            next(.crash(name), true, after)
            _ = run(.retire(by: bridge.id, session: bridge.session), in: &after)
            next(.retire(name), true, after)
        }
    }

    private func run(_ command: InboxRedis.Command, in state: inout State) -> InboxRedis.Reply {
        state.redis.execute(command, conversations: bounds.conversations, mistake: mistake)
    }

    /// What a bridge may send now.
    private func commands(of place: Int, in state: State) -> [InboxRedis.Command] {
        let bridge = state.bridges[place]
        let id = bridge.id
        let session = bridge.session
        var commands: [InboxRedis.Command] = []
        switch bridge.recovery {
        case .join: commands.append(.join(by: id, session: session))
        case .beat: commands.append(.beat(by: id, session: session))
        case .audit: commands.append(.audit(by: id, session: session))
        case .joining, .beating, .auditing, .none: break
        }
        guard bridge.replies.count < bounds.inFlight else { return commands }
        addAnswers(of: bridge, to: &commands)
        if bridge.recovery == .none, isBeatOfUse(bridge, state.redis) {
            commands.append(.beat(by: id, session: session))
        }
        // While it looks for what it holds it claims nothing.
        guard bridge.recovery == .none || mistake == .claimBeforeAudit && bridge.recovery != .join else {
            return commands
        }
        for event in UInt8(0)..<UInt8(state.answers.count) {
            let isHere = bridge.webhooks.contains { $0.event == event }
            let isUnderWay = state.bridges.contains { $0.webhooks.contains { $0.event == event } }
            let isCalledFor = !state.acknowledged.has(event) && !isUnderWay
            guard state.mayArrive(event, at: place) else { continue }
            if isCalledFor || (!isHere && state.left.has(\.retries)) {
                let isMarkedFirst = mistake == .markBeforeClaim
                commands.append(
                    isMarkedFirst
                        ? .mark(event, by: id, session: session) : .claim(event, by: id, session: session))
            }
        }
        for webhook in bridge.webhooks {
            switch webhook.stage {
            case .toClaim: commands.append(.claim(webhook.event, by: id, session: session))
            case .toTakeOver(let other): commands.append(.takeOver(other, by: id, session: session))
            case .claiming, .marking, .takingOver: break
            }
        }
        for other in UInt8(0)..<UInt8(runs) where bridge.lapsed.has(other) && other != id {
            commands.append(.takeOver(other, by: id, session: session))
        }
        return commands
    }

    /// The next steps of what it has in memory.
    private func addAnswers(of bridge: Bridge, to commands: inout [InboxRedis.Command]) {
        guard bridge.recovery != .join, bridge.recovery != .joining else { return }
        var begunConversations: UInt8 = 0
        for entry in bridge.entries {
            let conversation = bounds.conversations[Int(entry.event)]
            let isFirst = !begunConversations.has(conversation) || mistake == .laneNotKept
            begunConversations.insert(conversation)
            if isFirst, entry.phase == .waiting {
                commands.append(.begin(entry.event, by: bridge.id, session: bridge.session))
            }
            if entry.phase == .sent {
                commands.append(.settle(entry.event, by: bridge.id, session: bridge.session))
            }
        }
    }

    /// A beat that changes nothing, and tells nothing new, is left out.
    private func isBeatOfUse(_ bridge: Bridge, _ redis: InboxRedis) -> Bool {
        for reply in bridge.replies { if case .beat = reply { return false } }
        if !redis.lives(bridge.id) || !redis.mail[Int(bridge.id)].isEmpty { return true }
        if bridge.replies.isEmpty, redis.held.count(where: { $0.owner == bridge.id }) != bridge.entries.count {
            return true
        }
        return (UInt8(0)..<UInt8(runs)).contains {
            redis.bridges.has($0) && !redis.lives($0) && !bridge.lapsed.has($0)
        }
    }

    /// Takes note in memory that a command was sent.
    ///
    /// - Returns: whether it is a delivery that nothing called for.
    private func note(_ command: InboxRedis.Command, of place: Int, in state: inout State) -> Bool {
        switch command {
        case .join: state.bridges[place].recovery = .joining
        case .beat: if state.bridges[place].recovery == .beat { state.bridges[place].recovery = .beating }
        case .audit: state.bridges[place].recovery = .auditing
        case .retire: break
        case .mark(let event, _, _), .claim(let event, _, _):
            var stage = Webhook.Stage.claiming
            if case .mark = command { stage = .marking }
            if let known = state.bridges[place].webhooks.firstIndex(where: { $0.event == event }) {
                state.bridges[place].webhooks[known].stage = stage
                return false
            }
            let isUnderWay = state.bridges.contains { $0.webhooks.contains { $0.event == event } }
            let isCalledFor = !state.acknowledged.has(event) && !isUnderWay
            state.arrived.insert(event)
            state.bridges[place].webhooks.append(Webhook(event: event, stage: stage))
            if mistake == .acknowledgedBeforeClaim { state.acknowledged.insert(event) }
            return !isCalledFor
        case .takeOver(let other, _, _):
            state.bridges[place].lapsed.remove(other)
            for index in state.bridges[place].webhooks.indices
            where state.bridges[place].webhooks[index].stage == .toTakeOver(other) {
                state.bridges[place].webhooks[index].stage = .takingOver(other)
            }
        case .begin(let event, _, _): state.bridges[place].change(event, to: .beginning)
        case .settle(let event, _, _): state.bridges[place].change(event, to: .settling)
        }
        return false
    }
}

extension InboxModel.State {
    /// Which of two alike comes first does not matter: bridge 0 gets the first event, and events arrive in their order.
    fileprivate func mayArrive(_ event: UInt8, at place: Int) -> Bool {
        if arrived == 0 { return event == 0 && (place == 0 || !bridges[0].isUp) }
        return event == 0 || arrived.has(event - 1)
    }
}
