internal import Telemetry

/// The series of the inbox.
struct InboxMetrics: Sendable {
    let claimed: Counter
    let duplicates: Counter
    let forwarded: Counter
    let takenOver: Counter
    let away: Counter
    let held: Gauge
    let bridges: Gauge

    init(_ metrics: Metrics) {
        claimed = metrics.counter("chatbridge_inbox_claimed_total", help: "Events that this bridge has taken.")
        duplicates = metrics.counter("chatbridge_inbox_duplicates_total", help: "Events that were taken before.")
        forwarded = metrics.counter(
            "chatbridge_inbox_forwarded_total", help: "Events handed to the bridge that answers their conversation.")
        takenOver = metrics.counter(
            "chatbridge_inbox_taken_over_total", help: "Events taken over from bridges that are gone.")
        away = metrics.counter(
            "chatbridge_inbox_away_total", help: "Calls of the inbox that its store did not answer or had no room for.")
        held = metrics.gauge("chatbridge_inbox_held", help: "Events that this bridge holds until they are answered.")
        bridges = metrics.gauge("chatbridge_inbox_bridges", help: "Bridges that share the inbox, this one included.")
    }
}
