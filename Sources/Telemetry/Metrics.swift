internal import Synchronization

/// The process's counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4).
///
/// Ask for a metric once and keep it: asking takes a lock, counting is one atomic addition.
public final class Metrics: Sendable {
    /// The labels of one time series, in the order in which they are written.
    public typealias Labels = [(name: String, value: String)]

    private struct Family: Sendable {
        let help: String
        let type: String
        var series: [(labels: String, metric: any MetricSeries)] = []
    }

    private let families = Mutex<[(name: String, family: Family)]>([])

    /// No metrics yet.
    public init() {}

    /// The counter of this name and these labels; made when it is asked for the first time.
    public func counter(_ name: String, help: String, labels: Labels = []) -> Counter {
        series(name, help: help, type: "counter", labels: labels) { Counter() }
    }

    /// The gauge of this name and these labels; made when it is asked for the first time.
    public func gauge(_ name: String, help: String, labels: Labels = []) -> Gauge {
        series(name, help: help, type: "gauge", labels: labels) { Gauge() }
    }

    /// The histogram of durations, in seconds, of this name and these labels.
    public func histogram(_ name: String, help: String, labels: Labels = []) -> Histogram {
        series(name, help: help, type: "histogram", labels: labels) { Histogram() }
    }

    /// All metrics as text.
    public func text() -> String {
        var text = ""
        for (name, family) in families.withLock({ $0 }) {
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n"
            for (labels, metric) in family.series { metric.write(name: name, labels: labels, to: &text) }
        }
        return text
    }

    private func series<Metric: MetricSeries>(
        _ name: String, help: String, type: String, labels: Labels, make: () -> Metric
    ) -> Metric {
        let written = Metrics.text(of: labels)
        return families.withLock { families in
            let index =
                families.firstIndex { $0.name == name }
                ?? {
                    families.append((name, Family(help: help, type: type)))
                    return families.count - 1
                }()
            if let known = families[index].family.series.first(where: { $0.labels == written })?.metric as? Metric {
                return known
            }
            let metric = make()
            families[index].family.series.append((written, metric))
            return metric
        }
    }

    private static func text(of labels: Labels) -> String {
        labels.map { name, value in
            let escaped = value.map { character in
                switch character {
                case "\\": "\\\\"
                case "\"": "\\\""
                case "\n": "\\n"
                default: String(character)
                }
            }
            return "\(name)=\"\(escaped.joined())\""
        }.joined(separator: ",")
    }
}

/// What can write itself as the lines of one time series.
protocol MetricSeries: Sendable {
    func write(name: String, labels: String, to text: inout String)
}

/// A number that only grows.
public final class Counter: MetricSeries {
    private let count = Atomic<Int>(0)

    init() {}

    /// Adds to it.
    public func increment(by amount: Int = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

    /// What it has come to.
    public var value: Int { count.load(ordering: .relaxed) }

    func write(name: String, labels: String, to text: inout String) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }
}

/// A number that goes up and down.
public final class Gauge: MetricSeries {
    private let level = Atomic<Int>(0)

    init() {}

    /// Replaces it.
    public func set(_ value: Int) { level.store(value, ordering: .relaxed) }

    /// Adds to it; a negative amount takes away.
    public func add(_ amount: Int) { level.wrappingAdd(amount, ordering: .relaxed) }

    /// What it is now.
    public var value: Int { level.load(ordering: .relaxed) }

    func write(name: String, labels: String, to text: inout String) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }
}

/// One of several contributions to a gauge, as of the loops of a process: the gauge is their sum.
public struct GaugePart: Sendable {
    private let gauge: Gauge
    private var value = 0

    /// A contribution of nothing yet.
    public init(of gauge: Gauge) { self.gauge = gauge }

    /// Replaces this contribution, and leaves the others as they are.
    public mutating func set(_ value: Int) {
        gauge.add(value - self.value)
        self.value = value
    }
}
