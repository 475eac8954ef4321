internal import BridgeCore
internal import Tracing

/// The trace of one event, from when it is taken to when its answer is delivered.
///
/// A class, made only where somebody traces: without a tracer, for an event whose caller named a trace, which is passed on to
/// the agent as it came. Attributes hold identifiers of ours, numbers and names of kinds, never anything that a user said or is
/// known by.
// Unchecked: touched on the engine's loop alone.
final class MessageTrace: @unchecked Sendable {
    private let tracer: Tracer?
    /// Our span, or the caller's where we have none.
    private let headers: TraceHeaders
    private let parent: TraceContext?
    private let at: Timestamp
    private let takenAt: ContinuousClock.Instant
    private var attributes: [Span.Attribute] = []
    private var error: String?
    private var accepted: ContinuousClock.Instant?
    private var asking: (span: TraceContext, since: ContinuousClock.Instant)?
    private var firstByte: ContinuousClock.Instant?
    private var delivering: ContinuousClock.Instant?
    private var isOver = false

    /// Nil where nobody traces.
    init?(by tracer: Tracer?, under caller: TraceHeaders?, at: Timestamp, takenAt: ContinuousClock.Instant) {
        guard let headers = TraceHeaders(by: tracer, under: caller) else { return nil }
        self.tracer = tracer
        self.at = at
        self.takenAt = takenAt
        parent = caller?.context
        self.headers = headers
    }

    /// Whether anybody will be told of it.
    private var isKept: Bool { tracer?.isKept(headers.context) ?? false }

    /// What is written down with the message, so that the logger's spans and a reader of the table find the trace.
    var name: String? { isKept ? headers.context.traceparent : nil }

    /// What another bridge needs that is to answer the event.
    var nameForOthers: String { headers.context.traceparent }

    // MARK: Steps

    /// The event is this bridge's, and nobody else has it.
    func noteAccepted() {
        guard isKept else { return }
        let now = ContinuousClock.now
        accepted = now
        record("claim", .internal, from: takenAt, to: now)
    }

    /// The agent is being asked.
    ///
    /// - Returns: what its request says of the trace.
    func beginAsking(since start: ContinuousClock.Instant) -> TraceHeaders {
        guard let tracer else { return headers }
        let span = tracer.part(of: headers.context)
        (asking, firstByte) = ((span, start), nil)
        if isKept { record("wait", .internal, from: accepted ?? takenAt, to: start) }
        return TraceHeaders(context: span, state: headers.state)
    }

    /// The agent has said something.
    func notePiece() {
        if firstByte == nil { firstByte = .now }
    }

    /// The agent has answered.
    func endAsking(_ agent: String, isStreaming: Bool, _ receipt: AgentReceipt) {
        var more: [Span.Attribute] = [.init("gen_ai.request.stream", .boolean(isStreaming))]
        if let id = receipt.requestID { more.append(.init("gen_ai.response.id", .string(id))) }
        if let reason = receipt.finishReason {
            more.append(.init("gen_ai.response.finish_reasons", .strings([reason])))
        }
        if let tokens = receipt.inputTokens { more.append(.init("gen_ai.usage.input_tokens", .integer(tokens))) }
        // An earlier try may have failed: the user changed the message meanwhile.
        error = nil
        if let tokens = receipt.outputTokens { more.append(.init("gen_ai.usage.output_tokens", .integer(tokens))) }
        endAsking(agent, more, error: nil)
    }

    /// The agent has not answered.
    ///
    /// - Parameter isWithdrawn: true where that was not wanted any more, which is nobody's fault.
    func endAsking(_ agent: String, failure: AgentFailure, isWithdrawn: Bool) {
        let reason = isWithdrawn ? "withdrawn" : failure.kind.rawValue
        if !isWithdrawn { error = "agent: \(reason)" }
        endAsking(agent, [.init("error.type", .string(reason))], error: isWithdrawn ? nil : reason)
    }

    private func endAsking(_ agent: String, _ more: [Span.Attribute], error: String?) {
        guard let asked = asking else { return }
        asking = nil
        guard isKept else { return }
        let events = firstByte.map { [Span.Event("first_byte", at: time(of: $0))] } ?? []
        record(
            "invoke_agent \(agent)", .client, as: asked.span, from: asked.since, to: .now,
            [
                .init("gen_ai.operation.name", "invoke_agent"), .init("gen_ai.provider.name", .string(agent)),
                .init("gen_ai.agent.name", .string(agent)),
            ] + more, events, error: error)
    }

    /// The answer is whole and goes to the user.
    func beginDelivering() {
        delivering = .now
    }

    /// The platform has taken the answer, or not.
    func endDelivering(on platform: PlatformName, parts: Int, failure: String?) {
        guard let start = delivering else { return }
        delivering = nil
        if failure != nil { error = "delivery failed" }
        guard isKept else { return }
        var attributes: [Span.Attribute] = [
            .init("messaging.system", .string(platform.rawValue)), .init("messaging.operation.type", "send"),
            .init("messaging.operation.name", "send"),
            .init("messaging.batch.message_count", .integer(Int64(parts))),
        ]
        // The platform's words may quote the message.
        if failure != nil { attributes.append(.init("error.type", "delivery_failed")) }
        record(
            "send \(platform.rawValue)", .producer, from: start, to: .now, attributes,
            error: failure == nil ? nil : "delivery failed")
    }

    /// Nothing more comes of the event.
    ///
    /// - Parameter outcome: what became of it where that is no answer.
    func end(_ id: UUID, _ event: InboundEvent, on platform: PlatformName, outcome: String? = nil) {
        guard !isOver, let tracer, isKept else { return }
        isOver = true
        var attributes: [Span.Attribute] = [
            .init("messaging.system", .string(platform.rawValue)), .init("messaging.operation.type", "process"),
            .init("messaging.operation.name", "process"), .init("messaging.message.id", .string(id.description)),
            .init("chatbridge.event.kind", .string(event.kind.rawValue)),
        ]
        if let outcome { attributes.append(.init("chatbridge.outcome", .string(outcome))) }
        tracer.record(
            Span(
                "process \(platform.rawValue)", kind: .consumer, context: headers.context, parent: parent?.spanID,
                state: headers.state, from: at, to: time(of: .now), attributes: attributes, error: error))
    }

    // MARK: Spans

    private func record(
        _ name: String, _ kind: Span.Kind, as span: TraceContext? = nil, from start: ContinuousClock.Instant,
        to end: ContinuousClock.Instant, _ attributes: [Span.Attribute] = [], _ events: [Span.Event] = [],
        error: String? = nil
    ) {
        guard let tracer else { return }
        tracer.record(
            Span(
                name, kind: kind, context: span ?? tracer.part(of: headers.context), parent: headers.context.spanID,
                from: time(of: start), to: time(of: end), attributes: attributes, events: events, error: error))
    }

    /// By one reading of the clock for all spans of the event, so that setting the clock does not tear them apart.
    private func time(of instant: ContinuousClock.Instant) -> Timestamp {
        at.advanced(by: takenAt.duration(to: instant))
    }
}
