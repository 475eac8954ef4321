/// Decides, of an agent that fails, when it is asked and when it is left alone: a value that knows neither agent nor clock.
///
/// Closed, all questions pass. It opens after so many failures in a row, or when most of the last half minute's questions have
/// failed, which is how an agent looks that comes and goes. While it is open no question passes. After a pause one does, and what
/// becomes of it decides: closed again, or open for twice as long. What is told of questions that passed before the last
/// change no longer counts.
struct CircuitBreaker: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What came of a question, as far as it says something of the agent as a whole.
    enum Outcome: Sendable {
        /// The agent answered, be it with a refusal of this one question.
        case answered
        /// The agent is away, too slow, or ill.
        case failed
        /// Nobody knows: the question was given up.
        case abandoned
    }

    /// Whether questions pass.
    enum State: Sendable, Equatable {
        /// They do.
        case closed
        /// Until then none does; then one.
        case open(until: Instant)
        /// One has, and the others wait for what becomes of it.
        case halfOpen
    }

    /// Leave to ask; what becomes of it is told with it.
    struct Pass: Sendable, Equatable {
        fileprivate let generation: Int
    }

    /// What is to be done with a question.
    enum Decision: Sendable, Equatable {
        /// It passes.
        case pass(Pass)
        /// It fails at once; nil where the question on its way decides when the next one passes.
        case rejected(until: Instant?)
    }

    /// What makes it open.
    struct Limits: Sendable {
        /// Failures in a row.
        var failures = 5
        /// Questions of the window below which their share of failures says nothing.
        var leastInWindow = 10
        /// Slices of the window; the oldest goes as a new one begins.
        var slices = 10
        /// How long one slice is.
        var slice = Duration.seconds(3)
        /// The first pause, and the longest.
        var shortestPause = Duration.seconds(1)
        var longestPause = Duration.seconds(30)
        /// Closed for so long, the agent was well again: the next pause begins small.
        var recovery = Duration.seconds(60)
    }

    /// Questions of one slice of time.
    private struct Slice {
        /// How many slices of time have begun before it.
        var number: Int64
        var answered = 0
        var failed = 0
    }

    let limits: Limits
    private(set) var state = State.closed
    /// Failures since the last answer.
    private(set) var failuresInRow = 0
    private var generation = 0
    private var pause: Duration
    private var closedAt: Instant?
    private var slices: [Slice] = []
    private let start: Instant

    init(_ limits: Limits = Limits(), at now: Instant) {
        self.limits = limits
        pause = limits.shortestPause
        start = now
    }

    /// Asks for leave.
    mutating func admit(at now: Instant) -> Decision {
        switch state {
        case .closed:
            return .pass(Pass(generation: generation))
        case .open(let end):
            guard now >= end else { return .rejected(until: end) }
            change(to: .halfOpen)
            return .pass(Pass(generation: generation))
        case .halfOpen:
            return .rejected(until: nil)
        }
    }

    /// Takes what became of a question that passed.
    ///
    /// - Parameter jitter: 0 to 1, so that many bridges do not come back in step; drawn only where it is needed, since the system is
    ///   asked for it.
    /// - Returns: true when the state has changed.
    mutating func report(_ outcome: Outcome, of pass: Pass, at now: Instant, jitter: @autoclosure () -> Double) -> Bool
    {
        guard pass.generation == generation else { return false }
        switch (state, outcome) {
        case (.open, _):
            return false
        case (.halfOpen, .answered):
            failuresInRow = 0
            slices = []
            closedAt = now
            change(to: .closed)
            return true
        case (.halfOpen, .failed):
            failuresInRow += 1
            open(at: now, jitter: jitter())
            return true
        case (.halfOpen, .abandoned):
            // It says nothing, so the next one may try at once.
            change(to: .open(until: now))
            return true
        case (.closed, .abandoned):
            return false
        case (.closed, .answered):
            failuresInRow = 0
            count(isFailure: false, at: now)
            return false
        case (.closed, .failed):
            failuresInRow += 1
            count(isFailure: true, at: now)
            guard failuresInRow >= limits.failures || isFlapping else { return false }
            let wasWell = closedAt.map { $0.duration(to: now) >= limits.recovery } ?? true
            if wasWell { pause = limits.shortestPause }
            open(at: now, jitter: jitter())
            return true
        }
    }

    /// Half of the window's questions have failed, and there were enough of them.
    private var isFlapping: Bool {
        let failed = slices.reduce(0) { $0 + $1.failed }
        let all = slices.reduce(failed) { $0 + $1.answered }
        return all >= limits.leastInWindow && failed * 2 >= all
    }

    private mutating func count(isFailure: Bool, at now: Instant) {
        let number = Int64(start.duration(to: now) / limits.slice)
        let oldest = number - Int64(limits.slices)
        slices.removeAll { $0.number <= oldest }
        if slices.last?.number != number { slices.append(Slice(number: number)) }
        let last = slices.count - 1
        if isFailure { slices[last].failed += 1 } else { slices[last].answered += 1 }
    }

    private mutating func open(at now: Instant, jitter: Double) {
        // Half of the pause is certain, half is drawn; the shortest one is whole, since it is short enough.
        let drawn = max(limits.shortestPause, pause / 2 + pause * (min(max(jitter, 0), 1) / 2))
        pause = min(pause * 2, limits.longestPause)
        change(to: .open(until: now + drawn))
    }

    private mutating func change(to next: State) {
        state = next
        generation += 1
    }
}
