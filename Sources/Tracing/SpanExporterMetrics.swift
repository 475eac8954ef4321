internal import Telemetry

/// The series of the exporter.
struct SpanExporterMetrics: Sendable {
    let exported: Counter
    /// More came than was sent.
    let overflowed: Counter
    /// The receiver does not want them.
    let refused: Counter
    /// The receiver did not answer, or not in time.
    let unsent: Counter

    init(_ metrics: Metrics) {
        func dropped(_ reason: String) -> Counter {
            metrics.counter(
                "chatbridge_trace_spans_dropped_total", help: "Spans that were dropped, by reason.",
                labels: [("reason", reason)])
        }
        exported = metrics.counter(
            "chatbridge_trace_spans_exported_total", help: "Spans that the OTLP receiver took.")
        overflowed = dropped("overflow")
        refused = dropped("refused")
        unsent = dropped("unsent")
    }
}
