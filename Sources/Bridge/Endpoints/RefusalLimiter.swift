internal import BridgeCore
internal import HTTPCore
internal import HTTPServer
internal import Synchronization

/// Answers what fails verification or bears a wrong token, and tells addresses that keep sending it to slow down.
///
/// Only refused requests count: a platform sends everything from a few addresses, and a webhook that verifies is never limited.
final class RefusalLimiter: Sendable {
    /// Refusals of one address within ``window`` after which it gets 429.
    private static let limit = 60
    private static let window = Duration.seconds(60)

    /// What a refusal is to its address.
    enum Verdict {
        /// The first for a while.
        case first
        /// One of some.
        case repeated
        /// One too many.
        case overLimit
    }

    private struct Count {
        var since: ContinuousClock.Instant
        var refusals: Int
    }

    private let counts = Mutex(GenerationalCache<HTTPPeer, Count>(capacity: 10_000))

    /// Counts a refusal.
    func count(_ address: HTTPPeer, at now: ContinuousClock.Instant) -> Verdict {
        let address = address.site
        return counts.withLock { counts in
            var count = counts[address] ?? Count(since: now, refusals: 0)
            if count.since.duration(to: now) > RefusalLimiter.window { count = Count(since: now, refusals: 0) }
            count.refusals += 1
            counts[address] = count
            return count.refusals == 1 ? .first : count.refusals > RefusalLimiter.limit ? .overLimit : .repeated
        }
    }

    /// The response to an address over the limit.
    static var tooMany: HTTPResponse {
        .error(
            .tooManyRequests, code: "too_many_refusals", message: "Too many requests that fail verification.",
            headers: ["Retry-After": "60"])
    }

    /// The response to a webhook that its adapter refused.
    func response(to rejection: WebhookRejection, _ verdict: Verdict) -> HTTPResponse {
        switch rejection.reason {
        case .malformed:
            return .error(.badRequest, code: "malformed", message: rejection.message)
        case .methodNotAllowed:
            return .error(.methodNotAllowed, code: "method_not_allowed", message: rejection.message)
        case .unauthorized, .unknownKey, .forbidden:
            if verdict == .overLimit { return RefusalLimiter.tooMany }
            if rejection.reason == .forbidden {
                return .error(.forbidden, code: "forbidden", message: rejection.message)
            }
            return .error(.unauthorized, code: "unauthorized", message: rejection.message)
        }
    }
}
