/// Makes the names of spans, decides which are kept, and hands those to the exporter.
///
/// Belongs to one loop, as the exporter does.
public final class Tracer: @unchecked Sendable {
    // Unchecked: touched on the loop alone.

    private let sampler: TraceSampler
    private let exporter: SpanExporter?
    private var identifiers = TraceIdentifiers()

    /// A tracer.
    ///
    /// - Parameter exporter: takes the spans; nil: traces are passed on and nothing is told of them (`OTEL_TRACES_EXPORTER=none`).
    public init(sampler: TraceSampler, exporter: SpanExporter?) {
        self.sampler = sampler
        self.exporter = exporter
    }

    /// Names a span that begins a trace here, or is the first here of a trace that began elsewhere.
    public func open(under parent: TraceContext?) -> TraceContext {
        let trace = parent?.traceID ?? identifiers.nextTrace()
        return TraceContext(
            traceID: trace, spanID: identifiers.nextSpan(), isSampled: sampler.keeps(trace, parent: parent))
    }

    /// Names a span under one of our own.
    public func part(of span: TraceContext) -> TraceContext {
        TraceContext(traceID: span.traceID, spanID: identifiers.nextSpan(), isSampled: span.isSampled)
    }

    /// Whether anybody is told of a span: callers save themselves the work of describing it.
    public func isKept(_ span: TraceContext) -> Bool { exporter != nil && span.isSampled }

    /// Takes a span that has ended; drops one that is not kept.
    public func record(_ span: Span) {
        guard span.context.isSampled else { return }
        exporter?.assumeIsolated { $0.append(span) }
    }
}
