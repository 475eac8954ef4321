import EventLoop
import Journal
import Telemetry

/// Keeps the gauges of the log queue up to date, so that a scrape never waits for Redis.
struct QueueGauges: Sendable {
    /// How often the queue is asked.
    private static let interval = Duration.seconds(5)

    let queue: any JobQueue
    let metrics: Metrics
    let loop: EventLoop

    /// Until the task is cancelled.
    func run() async {
        let depth = metrics.gauge("chatbridge_log_queue_depth", help: "Log jobs that wait for a logger.")
        let dead = metrics.gauge("chatbridge_log_dead_letters", help: "Log jobs that could not be written.")
        while !Task.isCancelled {
            if let count = try? await queue.depth() { depth.set(count) }
            if let count = try? await queue.deadCount() { dead.set(count) }
            try? await loop.sleep(for: QueueGauges.interval)
        }
    }
}
