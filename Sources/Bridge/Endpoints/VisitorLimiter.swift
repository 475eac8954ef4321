internal import HTTPServer
internal import Synchronization

/// Keeps visitors of the chat page, who hold no token, to a rate: each session, and all sessions of an address together.
///
/// Sessions are free, so that the address's rate is what stops a program; people behind one address share it.
final class VisitorLimiter: Sendable {
    /// What an address may do, in sessions' rates.
    private static let sessionsPerAddress = 10

    private enum Key: Hashable {
        case session(String)
        case address(HTTPPeer)
    }

    /// A bucket that fills at a rate; what is kept is when it will be full (the generic cell rate algorithm).
    private struct Bucket {
        var full: ContinuousClock.Instant
    }

    private let rate: RequestRate?
    private let buckets = Mutex(GenerationalCache<Key, Bucket>(capacity: 20_000))

    /// - Parameter rate: a session's; nil limits nobody.
    init(rate: RequestRate?) {
        self.rate = rate
    }

    /// Counts a request.
    ///
    /// - Returns: nil when it may pass, else how long to wait.
    func wait(session: String, address: HTTPPeer, at now: ContinuousClock.Instant) -> Duration? {
        guard let rate else { return nil }
        return buckets.withLock { buckets in
            let limits = [
                (Key.session(session), rate.period / rate.count),
                (.address(address.site), rate.period / (rate.count * VisitorLimiter.sessionsPerAddress)),
            ]
            var wait = Duration.zero
            for (key, interval) in limits {
                let full = max(buckets[key]?.full ?? now, now)
                // After this request the bucket may lack a period's worth at most.
                wait = max(wait, now.duration(to: full) + interval - rate.period)
            }
            if wait > .zero { return wait }
            // Only what passes counts: who keeps knocking is let in when the time is over.
            for (key, interval) in limits {
                buckets[key] = Bucket(full: max(buckets[key]?.full ?? now, now) + interval)
            }
            return nil
        }
    }
}
