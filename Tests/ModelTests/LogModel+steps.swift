extension LogModel {
    func expand(_ state: State, _ next: (Action, Bool, State) -> Void) {
        allSteps(from: state) { next($0, $1, normalized($2)) }
    }

    private func allSteps(from state: State, _ next: (Action, Bool, State) -> Void) {
        for (index, command) in state.late.enumerated() {
            var after = state
            after.late.remove(at: index)
            _ = after.redis.execute(command, mistake: mistake)
            next(.late(command), true, after)
        }
        for logger in state.loggers.indices { expand(logger, in: state, next) }
        for id in 0..<runs where state.redis.leases.has(id) {
            let isAlive = state.loggers.contains { $0.isUp && $0.id == id }
            guard !isAlive || state.left.has(\.lapses) else { continue }
            var after = state
            after.redis.leases.remove(id)
            if isAlive { after.left.spend(\.lapses) }
            next(.lapse(id), isAlive, after)
        }
        if !state.redis.isFull, state.left.has(\.fills) {
            var after = state
            after.left.spend(\.fills)
            after.redis.isFull = true
            next(.full, true, after)
        }
        if !state.redis.isFull, state.left.has(\.repeats) {
            var after = state
            after.left.spend(\.repeats)
            _ = after.redis.execute(.push([0]), mistake: mistake)
            next(.repeated(0), true, after)
        }
    }

    private func expand(_ place: Int, in state: State, _ next: (Action, Bool, State) -> Void) {
        let logger = state.loggers[place]
        guard logger.isUp else {
            var after = state
            after.loggers[place] = Logger(id: logger.id + 2)
            after.redis.leases.insert(logger.id + 2)
            next(.restart(place), state.loggers.contains(where: \.isUp), after)
            return
        }
        if state.left.has(\.crashes) {
            var after = state
            after.left.spend(\.crashes)
            after.loggers[place] = Logger(isUp: false, id: logger.id)
            next(.crash(place), true, after)
        }
        if !state.redis.leases.has(logger.id) {
            var after = state
            // What it has in hand it still writes.
            after.loggers[place] = Logger(id: logger.id + 2, batches: logger.batches)
            after.redis.leases.insert(logger.id + 2)
            next(.anew(place), false, after)
        }
        expandBatches(place, in: state, next)
        for list in state.redis.lists {
            let isStray =
                list.place.owner == logger.id && !logger.knows(list.place) && mistake != .strayForgotten
            guard isStray || list.place.owner != logger.id else { continue }
            if !isStray, mistake != .takeOverWithoutLook, state.redis.leases.has(list.place.owner) { continue }
            var before = state
            let own = nextPlace(place, in: &before)
            send(.takeOver(list.place, as: own, isStray: isStray), place, before, next) { reply, after in
                guard case .count(let count) = reply, count > 0 else { return }
                after.loggers[place].adopt(own, count)
            }
        }
    }

    /// Claims, commits and finishes; the first of two batches first.
    private func expandBatches(_ place: Int, in state: State, _ next: (Action, Bool, State) -> Void) {
        let logger = state.loggers[place]
        if let batch = logger.batches.first {
            if !batch.isCommitted, mistake != .finishBeforeCommit {
                var after = state
                for job in batch.jobs { after.committed.insert(job) }
                after.loggers[place].batches[0].isCommitted = true
                if batch.isPopped { after.loggers[place].batches.removeFirst() }
                next(.commit(place, batch.jobs), false, after)
            } else {
                send(.finish(batch.place, stay: batch.stay), place, state, next) { _, after in
                    after.loggers[place].batches.removeFirst()
                    if self.mistake == .finishBeforeCommit { for job in batch.jobs { after.committed.insert(job) } }
                }
            }
        }
        guard logger.batches.count < 2 else { return }
        if mistake == .brpop {
            guard !state.redis.queue.isEmpty else { return }
            send(.pop(limit: bounds.limit), place, state, next) { reply, after in
                guard case .jobs(let jobs) = reply else { return }
                let nowhere = LogRedis.Place(owner: logger.id, number: .max)
                after.loggers[place].batches.append(Batch(place: nowhere, jobs: jobs, stay: 0, isPopped: true))
            }
            return
        }
        if let adopted = logger.adopted.first {
            var after = state
            after.loggers[place].readAdopted(adopted, from: state.redis, limit: bounds.limit)
            next(.read(place, adopted.place), false, after)
            return
        }
        guard !state.redis.queue.isEmpty || logger.uncertain.map({ !state.redis.jobs(at: $0).isEmpty }) == true
        else { return }
        claim(place, in: state, next)
    }

    private func claim(_ place: Int, in state: State, _ next: (Action, Bool, State) -> Void) {
        var before = state
        let list = before.loggers[place].uncertain ?? nextPlace(place, in: &before)
        // A list whose claim went unanswered is claimed from again only by mistake: a command that is executed late would find
        // its name in use.
        if mistake == .placeUsedAgain { before.loggers[place].uncertain = list }
        if before.left.has(\.losses), !state.redis.queue.isEmpty {
            // A wait that is given up while the server still waits; answered, it is a claim of one.
            var stalled = before
            stalled.left.spend(\.losses)
            stalled.late.append(.move(list))
            next(.stall(place, .move(list)), true, stalled)
        }
        send(.claim(list, limit: bounds.limit), place, before, next) { reply, after in
            after.loggers[place].uncertain = nil
            if case .jobs(let jobs) = reply, !jobs.isEmpty {
                after.loggers[place].batches.append(Batch(place: list, jobs: jobs, stay: 0))
            } else if case .full = reply {
                // RENAMENX is not refused.
                let reply = after.redis.execute(.takeAll(list), mistake: self.mistake)
                if case .count(let count) = reply, count > 0 { after.loggers[place].adopt(list, count) }
            }
        }
    }

    private func nextPlace(_ place: Int, in state: inout State) -> LogRedis.Place {
        if mistake != .oneListForAllClaims { state.loggers[place].claims += 1 }
        return LogRedis.Place(owner: state.loggers[place].id, number: state.loggers[place].claims)
    }

    /// A command that is answered, one whose reply is lost, and one that is still under way when its sender gives it up.
    private func send(
        _ command: LogRedis.Command, _ place: Int, _ before: State, _ next: (Action, Bool, State) -> Void,
        _ answered: (LogRedis.Reply, inout State) -> Void
    ) {
        var after = before
        let reply = after.redis.execute(command, mistake: mistake)
        if before.left.has(\.losses) {
            var unanswered = after
            unanswered.left.spend(\.losses)
            next(.unanswered(place, command), true, unanswered)
            var stalled = before
            stalled.left.spend(\.losses)
            stalled.late.append(command)
            next(.stall(place, command), true, stalled)
        }
        answered(reply, &after)
        next(.run(place, command), false, after)
    }
}

extension LogModel.Logger {
    fileprivate mutating func adopt(_ place: LogRedis.Place, _ count: Int) {
        adopted.append(LogModel.Adopted(place: place, unclaimed: count))
    }

    /// The next piece of a list, its oldest jobs.
    fileprivate mutating func readAdopted(_ list: LogModel.Adopted, from redis: LogRedis, limit: Int) {
        let start = max(0, list.unclaimed - limit)
        let held = redis.jobs(at: list.place)
        // Newest last here: the list's head is the end of the array.
        let newestFirst = Array(held.reversed())
        let piece = newestFirst.indices.contains(start) ? newestFirst[start..<min(list.unclaimed, held.count)] : []
        if start == 0 || piece.isEmpty { adopted.removeFirst() } else { adopted[0].unclaimed = start }
        guard !piece.isEmpty else { return }
        batches.append(LogModel.Batch(place: list.place, jobs: piece.reversed(), stay: start))
    }
}
