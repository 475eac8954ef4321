internal import Synchronization

/// Sees when a homeserver that numbers its transactions leaves one out.
///
/// Synapse that is stopped while a transaction is on its way goes on with the next one when it is started again, and has the
/// one before sent only when some later one fails: it would come late or never. So the one after the gap is refused once;
/// the homeserver then begins again with the oldest that it has.
///
/// That is believed only of a homeserver that has numbered a run of transactions without a gap: others use names that are
/// no numbers, or one sequence for all their application services. What it remembers is worth nothing after a restart.
final class MatrixTransactionOrder: Sendable {
    /// Transactions one after another before a gap counts.
    static let proof = 16

    private struct State {
        var last: UInt64?
        /// Transactions without a gap until `last`.
        var run = 0
        var refused: UInt64?
        /// False once a gap turned out to be none.
        var isHeeded = true
    }

    private let state = Mutex(State())

    /// Notes a transaction; false when the one before it is missing, so that this one should come again after it.
    func admits(_ id: String) -> Bool {
        guard let number = UInt64(id) else { return true }
        return state.withLock { state in
            guard state.isHeeded, let last = state.last else {
                state.last = number
                return true
            }
            // Application services have one transaction on its way at a time: only one can be missing.
            if number > last, number - last == 2, state.run >= Self.proof {
                if state.refused == number {
                    // It is the oldest that the homeserver has: it does count in another way.
                    state.isHeeded = false
                } else {
                    state.refused = number
                    return false
                }
            }
            // A repeated one breaks no run.
            if number != last { state.run = number > last && number - last == 1 ? state.run + 1 : 0 }
            state.last = number
            return true
        }
    }
}
