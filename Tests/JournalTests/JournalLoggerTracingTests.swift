import BridgeCore
import EventLoop
import HTTPClient
import HTTPServer
import JSON
import Telemetry
import TestSupport
import Testing
import Tracing

@testable import Journal

struct JournalLoggerTracingTests {
    private static let traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `a commit is a span with links to the messages' own`() async throws {
        let receiver = try await RecordingServer { _ in .json(Array("{}".utf8)) }
        try await onLoop { loop in
            var configuration = TracingConfiguration()
            configuration.endpoint = receiver.url
            let exporter = try #require(
                SpanExporter(
                    loop: loop, client: HTTPClient(loop: loop), configuration: configuration, metrics: Metrics(),
                    log: .silent))
            let queue = MemoryJobQueue(loop: loop)
            let logger = JournalLogger(
                loop: loop, queue: queue, store: ListStore(writers: 1), configuration: .init(flush: .milliseconds(2)),
                tracer: Tracer(sampler: TraceSampler(), exporter: exporter))
            var messages = Messages()
            var jobs = messages.jobs(3)
            jobs[1].metadata = Array(#"{"message_id":"7","traceparent":"\#(Self.traced)"}"#.utf8)
            try await queue.push(jobs.map { LogJob.message($0).encoded() })
            let running = loop.spawn(on: logger) { await $0.run() }
            await logger.stop(whenEmpty: true)
            await running.value
            await exporter.stop(within: .seconds(30))
        }
        let request = try #require(receiver.requests.first)
        let span = try JSONView(parsing: request.body)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        #expect(span["name"].string == "commit log batch")
        #expect(span["kind"].int == 5)
        #expect(!span["parentSpanId"].exists)
        #expect(span["links"].count == 1)
        #expect(span["links"][0]["traceId"].string == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(span["links"][0]["spanId"].string == "00f067aa0ba902b7")
        let count = span["attributes"].elements.first { $0["key"].string == "messaging.batch.message_count" }
        #expect(count?["value"]["intValue"].string == "3")
    }

    @Test(arguments: [
        (#"{"metadata":{"traceparent":"\#(traced)"}}"#, true),
        (#"{"metadata":{}}"#, false),
        (#"{"metadata":{"traceparent":"00-4bf9"}}"#, false),
        (#"{"metadata":{"traceparent":"#, false),
        // What a user wrote.
        (#"{"text":"\"traceparent\":\"\#(traced)\""}"#, false),
        ("", false),
    ])
    func `a job's trace is found where it is, and nowhere else`(job: String, isTraced: Bool) {
        #expect(JournalLogger.trace(of: Array(job.utf8))?.traceparent == (isTraced ? Self.traced : nil))
    }
}
