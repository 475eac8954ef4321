internal import Synchronization

/// How long things took, counted in buckets whose bounds double from 50 µs to 105 s.
public final class Histogram: MetricSeries {
    /// Bucket 0 ends at 50 µs, each next one at twice that; the last one has no end.
    static let bucketCount = 23
    private static let firstBound: Int64 = 50_000

    private let counts = InlineArray<23, Atomic<Int>> { _ in Atomic<Int>(0) }
    private let sum = Atomic<Int>(0)

    init() {}

    /// Counts one that took so long; negative durations (the clock was set back) count as none.
    public func record(_ duration: Duration) {
        record(nanoseconds: duration.nanoseconds)
    }

    /// Counts one that took so many nanoseconds.
    public func record(nanoseconds: Int64) {
        let nanoseconds = max(0, nanoseconds)
        counts[Histogram.bucket(of: nanoseconds)].wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(Int(nanoseconds), ordering: .relaxed)
    }

    static func bucket(of nanoseconds: Int64) -> Int {
        let quotient = UInt64(max(0, nanoseconds - 1) / firstBound)
        return min(64 - quotient.leadingZeroBitCount, bucketCount - 1)
    }

    /// How many were counted.
    public var count: Int { (0..<Histogram.bucketCount).reduce(0) { $0 + counts[$1].load(ordering: .relaxed) } }

    /// The duration under which a share of all lies, as the upper bound of its bucket; nil while nothing is counted.
    ///
    /// - Parameter share: 0 to 1, as 0.99 for the 99th percentile.
    public func quantile(_ share: Double) -> Duration? {
        let total = count
        guard total > 0 else { return nil }
        let wanted = Int((Double(total) * share).rounded(.up))
        var seen = 0
        for index in 0..<Histogram.bucketCount {
            seen += counts[index].load(ordering: .relaxed)
            if seen >= max(1, wanted) { return .nanoseconds(Histogram.firstBound << Int64(index)) }
        }
        return nil
    }

    func write(name: String, labels: String, to text: inout String) {
        let prefix = labels.isEmpty ? "" : labels + ","
        var total = 0
        for index in 0..<Histogram.bucketCount {
            total += counts[index].load(ordering: .relaxed)
            let isLast = index == Histogram.bucketCount - 1
            let bound = isLast ? "+Inf" : "\(Double(Histogram.firstBound << Int64(index)) / 1e9)"
            text += "\(name)_bucket{\(prefix)le=\"\(bound)\"} \(total)\n"
        }
        let braces = labels.isEmpty ? "" : "{\(labels)}"
        text += "\(name)_sum\(braces) \(Double(sum.load(ordering: .relaxed)) / 1e9)\n\(name)_count\(braces) \(total)\n"
    }
}
