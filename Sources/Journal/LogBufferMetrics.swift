internal import Telemetry

/// The series of the log buffer.
struct LogBufferMetrics: Sendable {
    let pushed: Counter
    let spooled: Counter
    let dropped: Counter
    let failures: Counter
    var depth: GaugePart
    var spoolBytes: GaugePart
    var spoolDepth: GaugePart

    init(_ metrics: Metrics) {
        pushed = metrics.counter("chatbridge_log_jobs_pushed_total", help: "Log jobs that the queue has confirmed.")
        spooled = metrics.counter("chatbridge_log_jobs_spooled_total", help: "Log jobs written to the spool.")
        dropped = metrics.counter("chatbridge_log_jobs_dropped_total", help: "Log jobs lost to a stated limit.")
        failures = metrics.counter("chatbridge_log_push_failures_total", help: "Pushes that failed or went unanswered.")
        depth = GaugePart(
            of: metrics.gauge("chatbridge_log_buffer_depth", help: "Log jobs in memory at the last push."))
        spoolBytes = GaugePart(of: metrics.gauge("chatbridge_spool_bytes", help: "Bytes of the spool's files."))
        spoolDepth = GaugePart(of: metrics.gauge("chatbridge_spool_depth", help: "Log jobs in the spool."))
    }
}
