/// How long to wait before a gateway is connected to again, as a value.
struct GatewayBackoff {
    /// The first pause, and the longest; platforms count connections, Discord a thousand a day.
    private static let shortest = Duration.seconds(1)
    private static let longest = Duration.seconds(60)
    /// A connection that lasted so long was good: the next pause begins small again.
    private static let good = Duration.seconds(60)

    private var next = shortest

    /// The pause after a connection that lasted `lasted`, zero for one that never came about.
    ///
    /// - Parameters:
    ///   - wanted: what the session asks for; nil leaves it to us. After a short connection it is a least, so that a server which
    ///     takes and drops connections is not stormed.
    ///   - jitter: 0 to 1, so that many bridges do not come back in step.
    mutating func pause(after lasted: Duration, wanted: Duration?, jitter: Double) -> Duration {
        if lasted >= GatewayBackoff.good {
            next = GatewayBackoff.shortest
            if let wanted { return wanted }
        }
        // Half of it is certain, half is drawn.
        let pause = next / 2 + next * (min(max(jitter, 0), 1) / 2)
        next = min(next * 2, GatewayBackoff.longest)
        return max(wanted ?? .zero, pause)
    }
}
