/// Two loggers at one queue, as `RedisJobQueue` and `JournalLogger` have it: a batch is claimed while another commits.
///
/// A command and its reply are one step: what a logger does between the two touches nobody else. That a reply is lost, that a
/// command is executed after it was given up, and that a logger loses its lease at any time, are steps of their own.
struct LogModel: Model {
    struct Bounds: Sendable {
        /// Jobs in the queue at the beginning.
        var jobs: UInt8 = 3
        /// Jobs of one claim.
        var limit = 2
        var crashes: UInt8 = 1
        var lapses: UInt8 = 1
        /// Lost replies and late commands.
        var losses: UInt8 = 1
        /// Times that Redis runs full, and stays so.
        var fills: UInt8 = 1
        /// Jobs that are pushed again because a push was not answered.
        var repeats: UInt8 = 0
        /// All of these together.
        var faults: UInt8 = 2
    }

    /// Jobs in a logger's hands.
    struct Batch: Hashable, Sendable {
        var place: LogRedis.Place
        var jobs: [UInt8]
        /// How many jobs of the list are not part of it.
        var stay: Int
        var isCommitted = false
        /// Popped: they are nowhere else.
        var isPopped = false
    }

    /// A list that was taken over, and how many of its jobs are not handed out yet.
    struct Adopted: Hashable, Sendable {
        var place: LogRedis.Place
        var unclaimed: Int
    }

    struct Logger: Hashable, Sendable {
        var isUp = true
        var id: UInt8
        /// The number of its last claim.
        var claims: UInt8 = 0
        /// The list whose name was given to a command that is not answered; only where that is made a mistake.
        var uncertain: LogRedis.Place?
        var adopted: [Adopted] = []
        /// Oldest first: the first is being written, the second is claimed meanwhile.
        var batches: [Batch] = []

        /// Whether a list is known to be this logger's.
        func knows(_ place: LogRedis.Place) -> Bool {
            uncertain == place || adopted.contains { $0.place == place } || batches.contains { $0.place == place }
        }
    }

    struct State: Hashable, Sendable {
        var redis = LogRedis()
        var loggers: [Logger]
        var late: [LogRedis.Command] = []
        /// The jobs that the database has.
        var committed: UInt8 = 0
        var left: Left
    }

    struct Left: Hashable, Sendable {
        var crashes: UInt8
        var lapses: UInt8
        var losses: UInt8
        var fills: UInt8
        var repeats: UInt8
        var faults: UInt8

        func has(_ kind: KeyPath<Self, UInt8>) -> Bool { faults > 0 && self[keyPath: kind] > 0 }

        mutating func spend(_ kind: WritableKeyPath<Self, UInt8>) {
            self[keyPath: kind] -= 1
            faults -= 1
            if faults == 0 { (crashes, lapses, losses, fills, repeats) = (0, 0, 0, 0, 0) }
        }
    }

    enum Action: Sendable, CustomStringConvertible {
        case run(Int, LogRedis.Command)
        case unanswered(Int, LogRedis.Command)
        case stall(Int, LogRedis.Command)
        case late(LogRedis.Command)
        case read(Int, LogRedis.Place)
        case commit(Int, [UInt8])
        case anew(Int)
        case crash(Int)
        case restart(Int)
        case lapse(UInt8)
        case full
        case repeated(UInt8)

        var description: String {
            switch self {
            case .run(let logger, let command): "logger \(logger): \(command)"
            case .unanswered(let logger, let command): "logger \(logger): \(command), and the reply is lost"
            case .stall(let logger, let command): "logger \(logger): \(command), given up while it is under way"
            case .late(let command): "executed late: \(command)"
            case .read(let logger, let place): "logger \(logger) goes on with the list \(place)"
            case .commit(let logger, let jobs): "logger \(logger) commits \(jobs)"
            case .anew(let logger): "logger \(logger) finds its lease gone and begins anew"
            case .crash(let logger): "logger \(logger) is killed"
            case .restart(let logger): "logger \(logger) starts"
            case .lapse(let id): "the lease of run \(id) runs out"
            case .full: "Redis is at its memory limit"
            case .repeated(let job): "job \(job) is pushed again"
            }
        }
    }

    var bounds = Bounds()
    var mistake: LogMistake?

    var runs: UInt8 { 2 + 2 * min(bounds.faults, bounds.crashes + bounds.lapses) }

    var initial: State {
        var state = State(
            loggers: [Logger(id: 0), Logger(id: 1)],
            left: Left(
                crashes: bounds.crashes, lapses: bounds.lapses, losses: bounds.losses, fills: bounds.fills,
                repeats: bounds.repeats, faults: bounds.faults))
        state.redis.queue = Array(0..<bounds.jobs)
        state.redis.leases = 0b11
        return state
    }

    func violation(in state: State) -> String? {
        for job in 0..<bounds.jobs where !state.committed.has(job) {
            let isKept =
                state.redis.queue.contains(job) || state.redis.lists.contains { $0.jobs.contains(job) }
                || state.loggers.contains { $0.batches.contains { $0.isPopped && $0.jobs.contains(job) } }
            if !isKept { return "job \(job) is lost" }
        }
        if state.redis.robbedTheLiving { return "a list was taken from a logger whose lease stood" }
        return nil
    }

    func isFinished(_ state: State) -> Bool {
        state.redis.queue.isEmpty && state.redis.lists.isEmpty && state.committed == (1 << bounds.jobs) - 1
    }
}
