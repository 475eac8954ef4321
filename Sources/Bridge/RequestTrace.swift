internal import BridgeCore
internal import HTTPCore
internal import HTTPServer
internal import Tracing

/// The trace of a request that brings events: what the caller said of it, and our own span of it.
///
/// A class, made only where there is something to trace: without one a request pays for looking at a header field.
// Unchecked: touched on the engine's loop alone.
final class RequestTrace: @unchecked Sendable {
    /// What the events' own spans hang under.
    let headers: TraceHeaders
    private let parent: TraceContext?
    private let tracer: Tracer?
    private let start: ContinuousClock.Instant
    private var verified: ContinuousClock.Instant?

    /// Nil where nobody traces: there is no tracer, and the caller says nothing of a trace.
    init?(of request: HTTPRequest, by tracer: Tracer?, since start: ContinuousClock.Instant) {
        let caller = TraceHeaders(request.headers)
        guard let headers = TraceHeaders(by: tracer, under: caller) else { return nil }
        self.tracer = tracer
        self.start = start
        parent = caller?.context
        self.headers = headers
    }

    /// The request is what it says that it is.
    func noteVerified() {
        verified = .now
    }

    /// It has been answered.
    func end(_ status: HTTPStatus, platform: PlatformName) {
        guard let tracer, tracer.isKept(headers.context) else { return }
        let (now, time) = (ContinuousClock.now, Timestamp.now())
        func when(_ instant: ContinuousClock.Instant) -> Timestamp { time.advanced(by: now.duration(to: instant)) }
        if let verified {
            tracer.record(
                Span(
                    "verify", kind: .internal, context: tracer.part(of: headers.context),
                    parent: headers.context.spanID, from: when(start), to: when(verified)))
        }
        tracer.record(
            Span(
                "POST /webhooks/:platform", kind: .server, context: headers.context, parent: parent?.spanID,
                state: headers.state, from: when(start), to: time,
                attributes: [
                    .init("http.request.method", "POST"), .init("http.route", "/webhooks/:platform"),
                    .init("http.response.status_code", .integer(Int64(status.code))),
                    .init("messaging.system", .string(platform.rawValue)),
                ],
                error: status.code >= 500 ? "HTTP \(status.code)" : nil))
    }
}
