/// Looks at every state that a model can reach, nearest first, so that a counter-example is as short as can be.
struct ModelChecker<M: Model> {
    /// What was found.
    struct Report: Sendable, CustomStringConvertible {
        /// The number of different states.
        var states = 0
        /// The number of steps between them.
        var steps = 0
        /// The longest way from the beginning to a state, in steps.
        var depth = 0
        /// What is wrong; nil where nothing is.
        var violation: String?
        /// The steps that lead there.
        var trace: [String] = []
        /// False when the limit was reached before every state was seen.
        var isComplete = true

        var description: String {
            let size = "\(states) states, \(steps) steps, depth \(depth)\(isComplete ? "" : ", NOT ALL")"
            guard let violation else { return size }
            let lines = trace.enumerated().map { "\($0.offset + 1). \($0.element)" }
            return "\(violation) (\(size)):\n" + lines.joined(separator: "\n")
        }
    }

    /// The model.
    let model: M
    /// The most states to look at.
    var limit = 1_000_000

    /// Looks at everything, or until something is wrong.
    func check() -> Report {
        var report = Report()
        var states: [M.State] = [model.initial]
        var places: [M.State: Int32] = [model.initial: 0]
        var origins: [(parent: Int32, action: M.Action?)] = [(-1, nil)]
        // The steps that are no faults, for the way back from what is finished.
        var edges: [(from: Int32, to: Int32)] = []
        var finished: [Int32] = []
        var endOfLevel = 1
        var place = 0

        func trace(to place: Int32) -> [String] {
            var steps: [String] = []
            var current = place
            while current >= 0, let action = origins[Int(current)].action {
                steps.append(action.description)
                current = origins[Int(current)].parent
            }
            return steps.reversed()
        }

        while place < states.count {
            if place == endOfLevel {
                report.depth += 1
                endOfLevel = states.count
            }
            let state = states[place]
            if let violation = model.violation(in: state) {
                report.violation = violation
                report.trace = trace(to: Int32(place))
                break
            }
            if model.isFinished(state) { finished.append(Int32(place)) }
            model.expand(state) { action, isFault, next in
                report.steps += 1
                let target: Int32
                if let known = places[next] {
                    target = known
                } else {
                    target = Int32(states.count)
                    places[next] = target
                    states.append(next)
                    origins.append((Int32(place), action))
                }
                if !isFault { edges.append((Int32(place), target)) }
            }
            place += 1
            if states.count > limit {
                report.isComplete = false
                break
            }
        }
        report.states = states.count
        guard report.violation == nil, report.isComplete else { return report }
        if let stuck = Self.firstStuck(count: states.count, edges: edges, finished: finished) {
            report.violation = "from here nothing leads to where everything is finished: \(states[Int(stuck)])"
            report.trace = trace(to: stuck)
        }
        return report
    }

    /// The first state from which no finished one can be reached.
    private static func firstStuck(count: Int, edges: [(from: Int32, to: Int32)], finished: [Int32]) -> Int32? {
        // Who leads to a state: a list of all, sorted by the state, and where each state's part begins.
        var starts = [Int32](repeating: 0, count: count + 1)
        for edge in edges { starts[Int(edge.to) + 1] += 1 }
        for index in 0..<count { starts[index + 1] += starts[index] }
        var fill = starts
        var origins = [Int32](repeating: 0, count: edges.count)
        for edge in edges {
            origins[Int(fill[Int(edge.to)])] = edge.from
            fill[Int(edge.to)] += 1
        }
        var isGood = [Bool](repeating: false, count: count)
        var open = finished
        for state in finished { isGood[Int(state)] = true }
        while let state = open.popLast() {
            for index in starts[Int(state)]..<starts[Int(state) + 1] {
                let origin = origins[Int(index)]
                guard !isGood[Int(origin)] else { continue }
                isGood[Int(origin)] = true
                open.append(origin)
            }
        }
        return isGood.firstIndex(of: false).map(Int32.init)
    }
}
