internal import Telemetry

/// The series of the logger.
struct JournalLoggerMetrics: Sendable {
    let written: Counter
    let dead: Counter
    let returned: Counter
    let erased: Counter
    let unmatchedReceipts: Counter
    let batches: Counter
    let retries: Counter
    let writeTime: Histogram
    let lag: Histogram

    init(_ metrics: Metrics) {
        written = metrics.counter(
            "chatbridge_logger_jobs_written_total", help: "Log jobs committed, or found to be there already.")
        dead = metrics.counter("chatbridge_logger_jobs_dead_total", help: "Log jobs filed as dead letters.")
        unmatchedReceipts = metrics.counter(
            "chatbridge_logger_receipts_unmatched_total",
            help: "Delivery receipts of messages that are not in the store.")
        returned = metrics.counter(
            "chatbridge_logger_jobs_returned_total", help: "Log jobs of a later format left to a newer logger.")
        erased = metrics.counter(
            "chatbridge_logger_jobs_erased_total", help: "Log jobs left out since their person was forgotten.")
        batches = metrics.counter("chatbridge_logger_batches_total", help: "Batches committed.")
        retries = metrics.counter("chatbridge_logger_retries_total", help: "Writes that failed and were tried again.")
        writeTime = metrics.histogram("chatbridge_logger_write_seconds", help: "Time of a batch's transaction.")
        lag = metrics.histogram("chatbridge_logger_lag_seconds", help: "Age of a batch's oldest job at its commit.")
    }
}
