internal import BridgeCore
internal import Telemetry

/// The counters of one platform, asked for once; one reference to pass along.
final class PlatformMetrics: Sendable {
    let received: Counter
    let refused: Counter
    let duplicates: Counter
    let overloaded: Counter
    let delivered: Counter
    let undelivered: Counter
    let retries: Counter
    let rateLimited: Counter
    let paced: Counter
    let held: Counter
    let agentFailures: Counter
    let withdrawn: Counter
    let buried: Counter
    let acknowledgementSeconds: Histogram
    let waitSeconds: Histogram
    let agentSeconds: Histogram
    let deliverySeconds: Histogram
    let addedSeconds: Histogram
    let events: [ContentKind: Counter]

    init(_ metrics: Metrics, platform: PlatformName) {
        let labels: Metrics.Labels = [("platform", platform.rawValue)]
        func counter(_ name: String, _ help: String) -> Counter { metrics.counter(name, help: help, labels: labels) }
        func histogram(_ name: String, _ help: String) -> Histogram {
            metrics.histogram(name, help: help, labels: labels)
        }
        received = counter("chatbridge_webhooks_received_total", "Webhooks accepted.")
        refused = counter("chatbridge_webhooks_refused_total", "Webhooks refused: signature or form.")
        duplicates = counter("chatbridge_events_duplicate_total", "Events delivered again and not answered again.")
        overloaded = counter("chatbridge_webhooks_overloaded_total", "Webhooks refused with 503.")
        delivered = counter("chatbridge_deliveries_total", "Requests that the platform took.")
        undelivered = counter("chatbridge_delivery_failures_total", "Requests that failed for good.")
        retries = counter("chatbridge_delivery_retries_total", "Requests tried again.")
        rateLimited = counter("chatbridge_rate_limited_total", "Answers of the platform that we are too fast (429).")
        paced = counter("chatbridge_paced_total", "Requests held back to keep the platform's rates.")
        held = counter(
            "chatbridge_held_total", "Messages held until the user writes again, as the platform demands.")
        agentFailures = counter("chatbridge_agent_failures_total", "Questions that the agent did not answer.")
        withdrawn = counter(
            "chatbridge_withdrawn_total", "Answers broken off: the message was changed, deleted or superseded.")
        buried = counter(
            "chatbridge_dead_questions_total",
            "Questions that became dead letters: in doubt, or bridges died over them.")
        acknowledgementSeconds = histogram(
            "chatbridge_acknowledgement_seconds", "Webhook read to acknowledgement written.")
        waitSeconds = histogram("chatbridge_lane_wait_seconds", "Event taken to agent asked.")
        agentSeconds = histogram("chatbridge_agent_seconds", "Agent asked to answer whole.")
        deliverySeconds = histogram("chatbridge_delivery_seconds", "Action begun to platform's answer.")
        addedSeconds = histogram("chatbridge_added_seconds", "Event taken to answer delivered, less the agent's time.")
        events = Dictionary(
            uniqueKeysWithValues: ContentKind.allCases.map { kind in
                let labels = labels + [("kind", kind.rawValue)]
                return (
                    kind, metrics.counter("chatbridge_events_total", help: "Events taken, by kind.", labels: labels)
                )
            })
    }
}
