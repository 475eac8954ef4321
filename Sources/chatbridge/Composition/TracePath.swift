import EventLoop
import HTTPClient
import Telemetry
import Tracing

/// What tells of traces, where that is asked for, and sends them off.
struct TracePath: Sendable {
    /// Nil: nobody traces.
    let tracer: Tracer?
    private let exporter: SpanExporter?

    /// As the configuration wants it; makes no connection.
    init(
        _ configuration: TracingConfiguration?, loop: EventLoop, client: @autoclosure () -> HTTPClient,
        metrics: Metrics, log: Log
    ) {
        guard let configuration else {
            (tracer, exporter) = (nil, nil)
            return
        }
        exporter =
            configuration.endpoint == nil
            ? nil
            : SpanExporter(loop: loop, client: client(), configuration: configuration, metrics: metrics, log: log)
        tracer = Tracer(sampler: configuration.sampler, exporter: exporter)
    }

    /// Sends what waits still; what does not go within the time is dropped.
    func drain(within limit: Duration) async {
        await exporter?.stop(within: limit)
    }
}
