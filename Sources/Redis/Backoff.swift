/// The pauses between attempts: doubling from the least to the longest, each shortened at random by up to a half, so that
/// many clients of a server that comes back do not all come at once.
struct Backoff {
    private let least: Duration
    private let longest: Duration
    private var failures = 0

    init(least: Duration, longest: Duration) {
        self.least = least
        self.longest = longest
    }

    /// The pause after one more failure.
    mutating func next() -> Duration {
        let factor = 1 << min(failures, 20)
        failures += 1
        return min(least * factor, longest) * Double.random(in: 0.5...1)
    }

    /// The attempt succeeded.
    mutating func reset() {
        failures = 0
    }
}
