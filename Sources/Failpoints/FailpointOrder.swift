#if CHATBRIDGE_FAILPOINTS
    internal import Glibc
    internal import Synchronization

    /// Where this process is to die, as `CHATBRIDGE_FAILPOINT` says it.
    @usableFromInline
    final class FailpointOrder: Sendable {
        /// When, of all the times that the step is reached.
        private enum Moment: Sendable {
            case count(UInt64)
            case chance(Double)
        }

        @usableFromInline static let given: FailpointOrder? = {
            guard let text = getenv("CHATBRIDGE_FAILPOINT").map({ String(cString: $0) }), !text.isEmpty else {
                return nil
            }
            guard let order = FailpointOrder(text) else { preconditionFailure("CHATBRIDGE_FAILPOINT: \(text)") }
            return order
        }()

        private let name: String
        private let moment: Moment
        /// How often the step was reached, or the state of the generator.
        private let state: Atomic<UInt64>

        init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2 || parts.count == 3, !parts[0].isEmpty else { return nil }
            name = String(parts[0])
            if parts.count == 2 {
                guard let count = UInt64(parts[1]), count > 0 else { return nil }
                moment = .count(count)
                state = Atomic(0)
            } else {
                guard let chance = Double(parts[1]), (0...1).contains(chance), let seed = UInt64(parts[2]) else {
                    return nil
                }
                moment = .chance(chance)
                state = Atomic(seed)
            }
        }

        @usableFromInline
        func dieIfDue(at step: StaticString) {
            let isHere = step.withUTF8Buffer { bytes in name.utf8.elementsEqual(bytes) }
            guard isHere, isDue else { return }
            kill(getpid(), SIGKILL)
            // The signal ends the process before it returns to the program; another thread may be the one to take it.
            while true { pause() }
        }

        private var isDue: Bool {
            switch moment {
            case .count(let count):
                return state.add(1, ordering: .relaxed).newValue == count
            case .chance(let chance):
                // SplitMix64 (Steele, Lea and Flood 2014): one addition is all of its state.
                var bits = state.add(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
                bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
                bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
                bits ^= bits >> 31
                return Double(bits >> 11) / 9_007_199_254_740_992 < chance
            }
        }
    }
#endif
