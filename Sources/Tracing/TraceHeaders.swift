public import HTTPCore

/// What a request says of the trace that it belongs to: `traceparent`, and `tracestate`, which is passed on as it is.
public struct TraceHeaders: Sendable, Equatable {
    /// What must be passed on at least of a `tracestate` (Trace Context, section 3.3.1.5); a longer one is left out.
    private static let longestState = 512

    /// The span that the receiver's own are to hang under.
    public let context: TraceContext
    /// What tracing systems keep for themselves.
    public let state: String?

    /// These parts.
    public init(context: TraceContext, state: String? = nil) {
        self.context = context
        self.state = state
    }

    /// The trace of a request; nil when it names none, or not in a valid way.
    public init?(_ headers: HTTPFields) {
        guard let first = headers["traceparent"] else { return nil }
        guard headers.values(of: "traceparent").count == 1, let context = TraceContext(traceparent: first) else {
            return nil
        }
        let state = headers.values(of: "tracestate").joined(separator: ",")
        // Only what HTTP lets through again: it goes to the agent unread.
        let isPrintable = state.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        self.init(
            context: context,
            state: isPrintable && (1...TraceHeaders.longestState).contains(state.utf8.count) ? state : nil)
    }

    /// Those of a span that a tracer opens under a caller's; without a tracer the caller's own, and nil without either.
    public init?(by tracer: Tracer?, under caller: TraceHeaders?) {
        if let tracer {
            self.init(context: tracer.open(under: caller?.context), state: caller?.state)
        } else if let caller {
            self = caller
        } else {
            return nil
        }
    }

    /// Puts them into a request, in the place of others that are there.
    public func write(to headers: inout HTTPFields) {
        headers["traceparent"] = context.traceparent
        if let state { headers["tracestate"] = state }
    }
}
