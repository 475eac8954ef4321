/// States that differ in names alone are one.
extension LogModel {
    /// The state with its runs and lists numbered anew.
    func normalized(_ state: State) -> State {
        var places: [LogRedis.Place] = state.redis.lists.map(\.place)
        var runs = state.redis.leases
        func use(_ place: LogRedis.Place) { if !places.contains(place) { places.append(place) } }
        for command in state.late { command.places.forEach(use) }
        for logger in state.loggers {
            if logger.isUp { runs.insert(logger.id) }
            if let place = logger.uncertain { use(place) }
            for list in logger.adopted { use(list.place) }
            for batch in logger.batches where !batch.isPopped { use(batch.place) }
        }
        for place in places { runs.insert(place.owner) }
        places.sort()
        var names: [UInt8] = Array(repeating: .max, count: Int(self.runs))
        for slot in UInt8(0)..<2 {
            var next = slot
            for id in stride(from: slot, to: self.runs, by: 2) where runs.has(id) {
                names[Int(id)] = next
                next += 2
            }
        }
        var numbers: [UInt8] = Array(repeating: 0, count: Int(self.runs))
        let renamed = places.map { place in
            if mistake != .oneListForAllClaims { numbers[Int(place.owner)] += 1 }
            return LogRedis.Place(owner: names[Int(place.owner)], number: numbers[Int(place.owner)])
        }
        func name(_ place: LogRedis.Place) -> LogRedis.Place {
            places.firstIndex(of: place).map { renamed[$0] } ?? place
        }
        var state = state
        let leases = state.redis.leases
        state.redis.leases = 0
        for id in 0..<self.runs where leases.has(id) { state.redis.leases.insert(names[Int(id)]) }
        for index in state.redis.lists.indices { state.redis.lists[index].place = name(state.redis.lists[index].place) }
        state.redis.lists.sort { $0.place < $1.place }
        state.late = state.late.map { $0.renamed(name) }
        for index in state.loggers.indices {
            let logger = state.loggers[index]
            let last = names.indices.last { names[$0] != .max && $0 % 2 == index }
            state.loggers[index].id = logger.isUp ? names[Int(logger.id)] : last.map { names[$0] } ?? UInt8(index)
            state.loggers[index].claims = logger.isUp ? numbers[Int(logger.id)] : 0
            state.loggers[index].uncertain = logger.uncertain.map(name)
            state.loggers[index].adopted = logger.adopted.map {
                Adopted(place: name($0.place), unclaimed: $0.unclaimed)
            }
            for batch in logger.batches.indices where !logger.batches[batch].isPopped {
                state.loggers[index].batches[batch].place = name(logger.batches[batch].place)
            }
        }
        return state
    }
}

extension LogRedis.Command {
    /// The lists that it names.
    fileprivate var places: [LogRedis.Place] {
        switch self {
        case .claim(let place, _), .takeAll(let place), .move(let place), .finish(let place, _): [place]
        case .takeOver(let place, let own, _): [place, own]
        case .push, .pop: []
        }
    }

    fileprivate func renamed(_ name: (LogRedis.Place) -> LogRedis.Place) -> Self {
        switch self {
        case .claim(let place, let limit): .claim(name(place), limit: limit)
        case .takeAll(let place): .takeAll(name(place))
        case .move(let place): .move(name(place))
        case .finish(let place, let stay): .finish(name(place), stay: stay)
        case .takeOver(let place, let own, let isStray): .takeOver(name(place), as: name(own), isStray: isStray)
        case .push, .pop: self
        }
    }
}
