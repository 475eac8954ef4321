/// How many requests in what time: `30/min`, `2/s`, `1000/h`.
public struct RequestRate: Sendable, Hashable {
    /// Requests that may come at once, and again within each period.
    public var count: Int
    /// The time in which they become free again, evenly.
    public var period: Duration

    /// A rate; the count is at least one.
    public init(_ count: Int, per period: Duration) {
        self.count = max(1, count)
        self.period = period
    }

    /// Reads a rate as an operator writes it.
    ///
    /// - Returns: nil when it is none.
    public init?(_ text: String) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, let count = Int(halves[0]), (1...1_000_000).contains(count) else { return nil }
        switch halves[1] {
        case "s": self.init(count, per: .seconds(1))
        case "min": self.init(count, per: .seconds(60))
        case "h": self.init(count, per: .seconds(3600))
        default: return nil
        }
    }
}
