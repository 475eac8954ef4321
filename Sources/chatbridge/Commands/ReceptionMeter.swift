import BridgeCore
import Crypto
import Glibc

/// Measures what a platform's webhook costs to verify and to read, without any I/O: for `chatbridge simulate --measure`.
struct ReceptionMeter {
    /// Rounds, of which the quickest counts: whatever else the machine does only ever adds.
    private static let rounds = 5

    let adapter: any Simulating

    /// What was found.
    struct Reading {
        /// Bytes of the webhook's body.
        let bytes: Int
        /// Processor time of one webhook.
        let cost: Duration
    }

    /// Verifies and reads a webhook so many times.
    ///
    /// - Throws: what the adapter has against it.
    func measure(text: String, times: Int) throws(WebhookRejection) -> Reading {
        let now = Timestamp.now()
        let webhook = adapter.simulateWebhook(text: text, number: 1, at: now)
        if let keyed = adapter as? any PublishedKeyVerifying { return try measure(webhook, keyed, times, at: now) }
        return try measure(webhook, times) { () throws(WebhookRejection) in try adapter.receive(webhook, at: now) }
    }

    private func measure(
        _ webhook: WebhookRequest, _ keyed: some PublishedKeyVerifying, _ times: Int, at now: Timestamp
    ) throws(WebhookRejection) -> Reading {
        guard let keys = keyed.parseKeys(SimulationKey.keySet(endorsements: [keyed.platform.rawValue])) else {
            throw WebhookRejection(.unknownKey, "the simulation's key is not read")
        }
        return try measure(webhook, times) { () throws(WebhookRejection) in
            try keyed.receive(webhook, keys: keys, at: now)
        }
    }

    private func measure(
        _ webhook: WebhookRequest, _ times: Int, _ receive: () throws(WebhookRejection) -> WebhookOutcome
    ) throws(WebhookRejection) -> Reading {
        var best = Duration.seconds(Int64.max / 2)
        for _ in 0..<ReceptionMeter.rounds {
            let start = ReceptionMeter.processorTime()
            for _ in 0..<times {
                let outcome = try receive()
                guard !outcome.events.isEmpty else { throw WebhookRejection(.malformed, "it holds no event") }
            }
            best = min(best, (ReceptionMeter.processorTime() - start) / times)
        }
        return Reading(bytes: webhook.body.count, cost: best)
    }

    private static func processorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}
