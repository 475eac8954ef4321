import Testing

@testable import Bridge

/// The breaker as a value: what happens, and what it decides, by a clock that the tests set.
struct CircuitBreakerTests {
    /// One thing that happens to a breaker, or that is expected of it.
    enum Step: Sendable {
        /// Time passes.
        case wait(Duration)
        /// So many questions pass and end in this, one after the other.
        case ask(Int, CircuitBreaker.Outcome)
        /// One passes and is on its way under this name.
        case begin(String)
        /// It has ended.
        case end(String, CircuitBreaker.Outcome)
        /// So many are rejected.
        case reject(Int)
        /// The state is this.
        case state(CircuitBreakerTests.Sight)
    }

    /// A state without its time.
    enum Sight: Sendable { case closed, open, halfOpen }

    struct Story: Sendable, CustomTestStringConvertible {
        let name: String
        var jitter = 0.0
        let steps: [Step]
        var testDescription: String { name }
    }

    static let stories: [Story] = [
        Story(
            name: "an agent that answers is always asked",
            steps: [.ask(1000, .answered), .wait(.seconds(60)), .ask(1000, .answered), .state(.closed)]),
        Story(name: "four failures in a row are borne", steps: [.ask(4, .failed), .state(.closed), .begin("a")]),
        Story(name: "the fifth opens it", steps: [.ask(5, .failed), .state(.open), .reject(1000)]),
        Story(
            name: "an answer in between begins the row anew",
            steps: [.ask(4, .failed), .ask(1, .answered), .ask(4, .failed), .state(.closed)]),
        Story(
            name: "what was given up says nothing",
            steps: [.ask(4, .failed), .ask(50, .abandoned), .state(.closed), .ask(1, .failed), .state(.open)]),
        Story(
            name: "after a second one question tries, and the others wait for it",
            steps: [
                .ask(5, .failed), .wait(.milliseconds(999)), .reject(3), .wait(.milliseconds(1)), .begin("trial"),
                .state(.halfOpen), .reject(100), .end("trial", .answered), .state(.closed), .ask(3, .answered),
            ]),
        Story(
            name: "a trial that fails doubles the pause",
            steps: [
                .ask(5, .failed), .wait(.seconds(1)), .ask(1, .failed), .state(.open), .wait(.milliseconds(999)),
                .reject(1), .wait(.milliseconds(1)), .begin("b"), .end("b", .failed), .wait(.milliseconds(1999)),
                .reject(1), .wait(.milliseconds(1)), .begin("c"), .state(.halfOpen),
            ]),
        Story(
            name: "with the whole of the jitter the second pause is two seconds", jitter: 1,
            steps: [
                .ask(5, .failed), .wait(.seconds(1)), .ask(1, .failed), .wait(.milliseconds(1999)), .reject(1),
                .wait(.milliseconds(1)), .begin("b"), .state(.halfOpen),
            ]),
        Story(
            name: "no pause is longer than thirty seconds", jitter: 1,
            steps: [.ask(5, .failed)]
                + [1, 2, 4, 8, 16, 30, 30, 30].flatMap { seconds -> [Step] in
                    [
                        .wait(.seconds(seconds) - .milliseconds(1)), .reject(1), .wait(.milliseconds(1)),
                        .ask(1, .failed),
                    ]
                } + [.wait(.seconds(30)), .ask(1, .answered), .state(.closed)]),
        Story(
            name: "a trial that was given up leaves it to the next question",
            steps: [
                .ask(5, .failed), .wait(.seconds(1)), .begin("a"), .end("a", .abandoned), .state(.open), .begin("b"),
                .reject(1), .end("b", .answered), .state(.closed),
            ]),
        Story(
            name: "questions from before it opened neither close it nor lengthen the pause",
            steps: [
                .begin("old"), .begin("older"), .begin("oldest"), .ask(5, .failed), .end("old", .answered),
                .state(.open), .end("older", .failed), .wait(.seconds(1)), .begin("trial"), .end("oldest", .failed),
                .state(.halfOpen), .end("trial", .answered), .state(.closed),
            ]),
        Story(
            name: "every second question failing is flapping, and opens it",
            steps: [Step](repeating: .ask(1, .answered), count: 0)
                + (0..<4).flatMap { _ -> [Step] in [.ask(1, .answered), .ask(1, .failed), .wait(.seconds(1))] }
                + [.state(.closed), .ask(1, .answered), .ask(1, .failed), .state(.open)]),
        Story(
            name: "every third failing is not",
            steps: (0..<100).flatMap { _ -> [Step] in [.ask(2, .answered), .ask(1, .failed), .wait(.seconds(1))] }
                + [.state(.closed)]),
        Story(
            name: "failures older than half a minute are forgotten",
            steps: (0..<100).flatMap { _ -> [Step] in
                [.ask(1, .answered), .ask(1, .failed), .wait(.seconds(10))]
            } + [.state(.closed)]),
        Story(
            name: "one that flaps is left alone for longer each time",
            steps: [
                .ask(5, .failed), .wait(.seconds(1)), .ask(1, .answered), .state(.closed), .ask(5, .failed),
                .wait(.seconds(1)), .ask(1, .answered), .ask(5, .failed), .wait(.milliseconds(1999)), .reject(1),
                .wait(.milliseconds(1)), .begin("a"),
            ]),
        Story(
            name: "one that was well for a minute is left alone for a second again",
            steps: [
                .ask(5, .failed), .wait(.seconds(1)), .ask(1, .failed), .wait(.seconds(1)), .ask(1, .failed),
                .wait(.seconds(2)), .ask(1, .answered), .wait(.seconds(60)), .ask(5, .failed), .wait(.seconds(1)),
                .begin("a"), .state(.halfOpen),
            ]),
    ]

    @Test(arguments: stories)
    func `it opens, tries and closes as it should`(story: Story) throws {
        var now = ContinuousClock.now
        var breaker = CircuitBreaker(at: now)
        var passes: [String: CircuitBreaker.Pass] = [:]
        for (number, step) in story.steps.enumerated() {
            switch step {
            case .wait(let time):
                now += time
            case .ask(let count, let outcome):
                for _ in 0..<count {
                    guard case .pass(let pass) = breaker.admit(at: now) else {
                        Issue.record("step \(number): rejected")
                        return
                    }
                    _ = breaker.report(outcome, of: pass, at: now, jitter: story.jitter)
                }
            case .begin(let name):
                guard case .pass(let pass) = breaker.admit(at: now) else {
                    Issue.record("step \(number): rejected")
                    return
                }
                passes[name] = pass
            case .end(let name, let outcome):
                _ = breaker.report(outcome, of: try #require(passes[name]), at: now, jitter: story.jitter)
            case .reject(let count):
                for _ in 0..<count {
                    guard case .rejected = breaker.admit(at: now) else {
                        Issue.record("step \(number): passed")
                        return
                    }
                }
            case .state(let wanted):
                let sight: Sight =
                    switch breaker.state {
                    case .closed: .closed
                    case .open: .open
                    case .halfOpen: .halfOpen
                    }
                #expect(sight == wanted, "step \(number)")
            }
        }
    }

    @Test func `each change is told once`() {
        let start = ContinuousClock.now
        var breaker = CircuitBreaker(at: start)
        func ask(_ outcome: CircuitBreaker.Outcome, at now: ContinuousClock.Instant) -> Bool {
            guard case .pass(let pass) = breaker.admit(at: now) else { return false }
            return breaker.report(outcome, of: pass, at: now, jitter: 0.5)
        }
        #expect((0..<6).map { _ in ask(.failed, at: start) } == [false, false, false, false, true, false])
        #expect(breaker.admit(at: start) == .rejected(until: start + .seconds(1)))
        #expect([ask(.answered, at: start + .seconds(2)), ask(.answered, at: start + .seconds(2))] == [true, false])
    }
}
