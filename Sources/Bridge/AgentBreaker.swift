internal import BridgeCore
internal import Synchronization
public import Telemetry

/// The circuit breaker before an agent, with what operators see of it: metrics, a log line at each change, a part of `/ready`.
///
/// A question that it rejects fails at once, so that users read the error reply instead of waiting for a timeout each, and an
/// agent that comes back is not met by everything that has piled up.
public final class AgentBreaker: Sendable {
    /// What the breaker knows besides its state.
    private struct Memory {
        var breaker: CircuitBreaker
        /// The last failure in words.
        var reason = ""
    }

    private let memory: Mutex<Memory>
    private let level: Gauge
    private let opened: Counter
    private let rejected: Counter
    private let log: Log

    /// A closed breaker.
    ///
    /// - Parameter failures: so many in a row open it.
    public convenience init(failures: Int, metrics: Metrics, log: Log) {
        var limits = CircuitBreaker.Limits()
        limits.failures = failures
        self.init(limits, metrics: metrics, log: log)
    }

    init(_ limits: CircuitBreaker.Limits, metrics: Metrics, log: Log) {
        memory = Mutex(Memory(breaker: CircuitBreaker(limits, at: .now)))
        level = metrics.gauge(
            "chatbridge_agent_breaker_state", help: "The breaker before the agent: 0 closed, 1 half-open, 2 open.")
        opened = metrics.counter(
            "chatbridge_agent_breaker_opened_total", help: "Times that the agent was found to be ill and left alone.")
        rejected = metrics.counter(
            "chatbridge_agent_rejected_total", help: "Questions that failed at once while the agent was left alone.")
        self.log = log
    }

    /// How the agent is, for `/ready`.
    public var finding: HealthEndpoint.Finding {
        let (state, failures, reason) = memory.withLock { ($0.breaker.state, $0.breaker.failuresInRow, $0.reason) }
        switch state {
        case .closed:
            return .init(
                isHealthy: true,
                detail: failures == 0 ? "ok" : "closed: \(failures) failed in a row, the last one \(reason)")
        case .open(let end):
            let rest = ContinuousClock.now.duration(to: end)
            guard rest > .zero else { return .init(isHealthy: false, detail: "half-open: the next question tries") }
            return .init(
                isHealthy: false, detail: "open: not asked for \(rest.seconds) s, since it fails with \(reason)")
        case .halfOpen:
            return .init(isHealthy: false, detail: "half-open: one question tries")
        }
    }

    /// Asks for leave to ask the agent.
    ///
    /// - Throws: `AgentFailure` when the agent is left alone.
    func admit() throws(AgentFailure) -> CircuitBreaker.Pass {
        let (decision, isProbe, reason) = memory.withLock { memory in
            let decision = memory.breaker.admit(at: .now)
            return (decision, memory.breaker.state == .halfOpen, memory.reason)
        }
        switch decision {
        case .pass(let pass):
            if isProbe { show(.halfOpen, reason: reason) }
            return pass
        case .rejected:
            rejected.increment()
            throw AgentFailure(.unreachable, "the agent is not asked for a moment, since it fails with \(reason)")
        }
    }

    /// Takes the news that the agent has begun to answer: with that a trial is passed, and nobody waits for the answer's end.
    func hear(_ pass: CircuitBreaker.Pass) {
        guard memory.withLock({ $0.breaker.state == .halfOpen }) else { return }
        report(.answered, of: pass, reason: nil)
    }

    /// Takes the news that the agent has answered.
    func succeed(_ pass: CircuitBreaker.Pass) { report(.answered, of: pass, reason: nil) }

    /// Takes the news that a question has failed.
    ///
    /// - Parameter isAbandoned: true when it was we who gave it up.
    func fail(_ pass: CircuitBreaker.Pass, with failure: AgentFailure, isAbandoned: Bool) {
        if isAbandoned { return report(.abandoned, of: pass, reason: nil) }
        let concernsAll = failure.concernsAllQuestions
        report(concernsAll ? .failed : .answered, of: pass, reason: concernsAll ? failure.description : nil)
    }

    private func report(_ outcome: CircuitBreaker.Outcome, of pass: CircuitBreaker.Pass, reason: String?) {
        let (state, why) = memory.withLock { memory in
            let hasChanged = memory.breaker.report(
                outcome, of: pass, at: .now, jitter: Double.random(in: 0...1))
            if let reason { memory.reason = reason }
            return (hasChanged ? memory.breaker.state : nil, memory.reason)
        }
        if let state { show(state, reason: why) }
    }

    private func show(_ state: CircuitBreaker.State, reason: String) {
        switch state {
        case .closed:
            level.set(0)
            log.info("the agent answers again")
        case .halfOpen:
            level.set(1)
            log.info("the agent is tried with one question")
        case .open(let end):
            level.set(2)
            let rest = ContinuousClock.now.duration(to: end)
            // A trial that was given up leaves it to the next question.
            guard rest > .zero else { return }
            opened.increment()
            log.warning(
                "the agent fails and is left alone: questions get the error reply at once",
                ["reason": reason, "pause.seconds": "\(rest.seconds)"])
        }
    }
}

extension Duration {
    /// Whole seconds, rounded up.
    fileprivate var seconds: Int64 {
        let (seconds, rest) = components
        return seconds + (rest > 0 ? 1 : 0)
    }
}

extension AgentFailure {
    /// True when it says that the agent is away, too slow or ill, and not that it does not like this one question.
    ///
    /// Of an agent's own errors those count that its server or a proxy before it makes of itself: any 5xx, and 429, which is that
    /// too much is asked of it.
    fileprivate var concernsAllQuestions: Bool {
        switch kind {
        case .unreachable, .timeout: true
        case .error: message.hasPrefix("HTTP 5") || message.hasPrefix("HTTP 429")
        case .unauthorized, .refused, .suspended, .malformed, .tooLarge: false
        }
    }
}
