/// What Redis knows of the log, and what the scripts of `RedisJobQueue` do to it.
struct LogRedis: Hashable, Sendable {
    /// The name of a claimed list: the run of a logger, and the number of its claim.
    struct Place: Hashable, Sendable, Comparable, CustomStringConvertible {
        var owner: UInt8
        var number: UInt8

        var description: String { "\(owner):\(number)" }

        static func < (a: Place, b: Place) -> Bool { (a.owner, a.number) < (b.owner, b.number) }
    }

    /// A claimed list, its jobs oldest first.
    struct List: Hashable, Sendable {
        var place: Place
        var jobs: [UInt8]
    }

    enum Command: Hashable, Sendable {
        /// At most so many jobs from the queue to a list.
        case claim(Place, limit: Int)
        case takeAll(Place)
        /// BLMOVE.
        case move(Place)
        /// Of the list, the newest so many stay.
        case finish(Place, stay: Int)
        /// `isStray`: it is a list of one's own, made by a late command.
        case takeOver(Place, as: Place, isStray: Bool)
        case push([UInt8])
        /// `LOG_CLAIM=brpop`.
        case pop(limit: Int)
    }

    enum Reply: Hashable, Sendable {
        case done
        case jobs([UInt8])
        case count(Int)
        case full
    }

    /// Oldest first.
    var queue: [UInt8] = []
    /// In the order of their names.
    var lists: [List] = []
    var leases: UInt16 = 0
    /// At `maxmemory`: whatever adds to a list is refused.
    var isFull = false
    /// True once a list was taken from a logger whose lease stood.
    var robbedTheLiving = false

    func jobs(at place: Place) -> [UInt8] { lists.first { $0.place == place }?.jobs ?? [] }

    mutating func execute(_ command: Command, mistake: LogMistake?) -> Reply {
        switch command {
        case .push(let jobs):
            guard !isFull else { return .full }
            queue += jobs
            return .done
        case .pop(let limit):
            let popped = Array(queue.prefix(limit))
            queue.removeFirst(popped.count)
            return .jobs(popped)
        case .claim(let place, let limit):
            var held = jobs(at: place)
            let taken = Array(queue.prefix(max(0, limit - held.count)))
            if !taken.isEmpty {
                if mistake == .trimFirst { queue.removeFirst(taken.count) }
                guard !isFull else { return .full }
                if mistake != .trimFirst { queue.removeFirst(taken.count) }
                held += taken
                set(place, held)
            }
            return .jobs(held)
        case .move(let place):
            guard let job = queue.first else { return .jobs([]) }
            guard !isFull else { return .full }
            queue.removeFirst()
            set(place, jobs(at: place) + [job])
            return .jobs([job])
        case .takeAll(let place):
            guard !queue.isEmpty, jobs(at: place).isEmpty else { return .count(0) }
            set(place, queue)
            queue = []
            return .count(jobs(at: place).count)
        case .finish(let place, let stay):
            let held = jobs(at: place)
            if mistake == .finishByCount {
                // As the jobs done, so many go: not the same when it happens twice.
                set(place, Array(held.dropFirst(2)))
            } else if held.count > stay {
                set(place, Array(held.suffix(stay)))
            }
            return .done
        case .takeOver(let place, let own, let isStray):
            let held = jobs(at: place)
            let stands = leases.has(place.owner) && !isStray
            if stands, mistake != .takeOverWithoutLook { return .count(0) }
            guard !held.isEmpty, jobs(at: own).isEmpty else { return .count(0) }
            if stands { robbedTheLiving = true }
            set(place, [])
            set(own, held)
            return .count(held.count)
        }
    }

    private mutating func set(_ place: Place, _ jobs: [UInt8]) {
        let index = lists.firstIndex { $0.place >= place } ?? lists.count
        let isThere = index < lists.count && lists[index].place == place
        if jobs.isEmpty {
            if isThere { lists.remove(at: index) }
        } else if isThere {
            lists[index].jobs = jobs
        } else {
            lists.insert(List(place: place, jobs: jobs), at: index)
        }
    }
}

/// A mistake that somebody could make in the log's claims; the checker must see what comes of it.
enum LogMistake: String, CaseIterable, Sendable {
    case trimFirst, finishByCount, takeOverWithoutLook, finishBeforeCommit, oneListForAllClaims, strayForgotten
    case placeUsedAgain
    /// Not a mistake but `LOG_CLAIM=brpop`, which promises less.
    case brpop
}
