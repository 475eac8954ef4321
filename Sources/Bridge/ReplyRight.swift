internal import BridgeCore
internal import Synchronization

/// By which right an answer may go out: with the token that came with its event while that is good, else of our own accord, else
/// not until the user writes again.
///
/// One for each event, shared by all that is sent in answer to it.
final class ReplyRight: Sendable {
    /// What the planner says.
    enum Plan: Equatable {
        /// Send it so.
        case send(OutboundAction.Means)
        /// It may not be sent now; the platform would refuse it.
        case hold
    }

    private let tokenEnd: ContinuousClock.Instant?
    private let pushEnd: ContinuousClock.Instant?
    private let mayPush: Bool
    private let usesLeft: Atomic<Int>
    private let messages = Atomic<Int>(0)
    private let hasTurn = Atomic<Bool>(false)

    /// The right that comes with an event which has just reached us.
    ///
    /// Its time counts from here, not from when the platform says that the user wrote: an event that was delivered late (again
    /// after a failure, or with an odd clock) may still be answered, as far as anybody but the platform knows. Where it may
    /// not, the platform says so, and the next means takes over.
    ///
    /// - Parameter hasToken: whether the event brought what the platform's rules call a token.
    init(rules: Capabilities.ReplyRules, hasToken: Bool, at now: ContinuousClock.Instant) {
        tokenEnd = hasToken ? rules.token.map { now + $0.lifetime } : nil
        usesLeft = Atomic(rules.token?.uses ?? .max)
        switch rules.push {
        case .always: (mayPush, pushEnd) = (true, nil)
        case .within(let window): (mayPush, pushEnd) = (true, now + window)
        case .never: (mayPush, pushEnd) = (false, nil)
        }
    }

    /// What to do with a message that is to go out now.
    func plan(at now: ContinuousClock.Instant) -> Plan {
        if let tokenEnd, now < tokenEnd, usesLeft.load(ordering: .relaxed) > 0 { return .send(.reply) }
        guard mayPush, pushEnd.map({ now < $0 }) ?? true else { return .hold }
        return .send(.push)
    }

    /// A request went out with the token.
    func countUse() {
        usesLeft.subtract(1, ordering: .relaxed)
    }

    /// Which of the messages that answer the event the next one is, counted from 0.
    func nextPart() -> Int {
        messages.add(1, ordering: .relaxed).oldValue
    }

    /// The pace has a place for the next action.
    func keepTurn() {
        hasTurn.store(true, ordering: .relaxed)
    }

    /// Whether the pace has a place for this action; it has been used then.
    func useTurn() -> Bool {
        hasTurn.exchange(false, ordering: .relaxed)
    }

    /// The platform refuses the token: it is good for nothing more.
    func giveUpToken() {
        usesLeft.store(0, ordering: .relaxed)
    }
}
