internal import BridgeCore
internal import Glibc
internal import Tracing

extension JournalLogger {
    /// The usual limit of links of a span (`OTEL_SPAN_LINK_COUNT_LIMIT`).
    private static let mostLinks = 128

    /// Tells of a commit: a trace of its own, since a batch holds messages of many, with links to theirs.
    @inline(never) func recordSpan(of batch: Batch, since start: ContinuousClock.Instant) {
        guard let tracer else { return }
        let span = tracer.open(under: nil)
        guard tracer.isKept(span) else { return }
        var links: [TraceContext] = []
        for job in batch.claim.jobs where links.count < JournalLogger.mostLinks {
            if let link = JournalLogger.trace(of: job) { links.append(link) }
        }
        let (now, time) = (ContinuousClock.now, Timestamp.now())
        func when(_ instant: ContinuousClock.Instant) -> Timestamp { time.advanced(by: now.duration(to: instant)) }
        var attributes: [Span.Attribute] = [
            .init("messaging.operation.type", "process"), .init("messaging.operation.name", "commit"),
            .init("messaging.batch.message_count", .integer(Int64(batch.jobs.count))),
        ]
        if let oldest = batch.jobs.oldest {
            let lag = time.duration(since: oldest) / .seconds(1)
            attributes.append(.init("chatbridge.log.lag_seconds", .number(max(0, lag))))
        }
        tracer.record(
            Span(
                "commit log batch", kind: .consumer, context: span, parent: nil, from: when(batch.asked),
                to: time, attributes: attributes,
                events: [Span.Event("claimed", at: when(start))], links: links))
    }

    /// The span under which a job's message was answered; nil where nobody has traced it.
    ///
    /// Looked for in the job's bytes: a user's words cannot be taken for it, since quotation marks are escaped in them.
    static func trace(of job: [UInt8]) -> TraceContext? {
        let key = Array("\"traceparent\":\"".utf8)
        let length = 55
        return job.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var place = 0
            while place + key.count + length <= bytes.count,
                let quote = memchr(base + place, Int32(UInt8(ascii: "\"")), bytes.count - place)
            {
                place = UnsafeRawPointer(quote) - base
                let start = place + key.count
                guard start + length <= bytes.count else { return nil }
                if memcmp(base + place, key, key.count) == 0 {
                    return TraceContext(traceparent: String(decoding: bytes[start..<start + length], as: UTF8.self))
                }
                place += 1
            }
            return nil
        }
    }
}
