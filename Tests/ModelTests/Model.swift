/// A protocol as a machine: what may happen next in each state, and which states must not be.
protocol Model: Sendable {
    /// Everything that matters for what comes next; small, because all states are kept.
    associatedtype State: Hashable & Sendable
    /// What leads from one state to another, as a person reads it in a counter-example.
    associatedtype Action: Sendable & CustomStringConvertible

    /// Where it begins.
    var initial: State { get }

    /// Calls `next` for each thing that may happen in a state.
    ///
    /// A fault (a crash, a lost connection) may happen, but nobody may count on it: what is to be reached in the end must be
    /// reached without.
    func expand(_ state: State, _ next: (_ action: Action, _ isFault: Bool, _ state: State) -> Void)

    /// What is wrong in a state; nil where nothing is.
    func violation(in state: State) -> String?

    /// Whether everything is finished: from every state that can be reached, a state like this must be within reach.
    func isFinished(_ state: State) -> Bool
}
