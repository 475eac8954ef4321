import BridgeCore
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Tracing

struct SpanExporterTests {
    /// A receiver that answers in turn as a test says, the last answer again and again.
    private final class Receiver: Sendable {
        let server: RecordingServer

        init(_ answers: [HTTPResponse]) async throws {
            let rest = Mutex(answers)
            server = try await RecordingServer { _ in
                rest.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            }
        }

        /// The names of the spans of each request.
        var batches: [[String]] {
            server.requests.map { request in
                let root = (try? JSONView(parsing: request.body)) ?? .missing
                return root["resourceSpans"][0]["scopeSpans"][0]["spans"].elements.compactMap { $0["name"].string }
            }
        }
    }

    private struct Parts: Sendable {
        let exporter: SpanExporter
        let tracer: Tracer
        let metrics = Metrics()
        let loop: EventLoop

        init(_ loop: EventLoop, _ url: String, _ change: (inout TracingConfiguration) -> Void = { _ in }) throws {
            var configuration = TracingConfiguration()
            configuration.endpoint = url
            configuration.headers = ["Authorization": "Bearer secret"]
            configuration.delay = .milliseconds(5)
            configuration.firstPause = .milliseconds(2)
            change(&configuration)
            exporter = try #require(
                SpanExporter(
                    loop: loop, client: HTTPClient(loop: loop), configuration: configuration, metrics: metrics,
                    log: .silent))
            tracer = Tracer(sampler: configuration.sampler, exporter: exporter)
            self.loop = loop
        }

        func record(_ names: String...) {
            for name in names {
                let now = Timestamp.now()
                tracer.record(
                    Span(name, kind: .internal, context: tracer.open(under: nil), parent: nil, from: now, to: now))
            }
        }

        func count(_ line: String) -> Int {
            metrics.text().split(separator: "\n").first { $0.hasPrefix(line + " ") }
                .flatMap { $0.split(separator: " ").last }.flatMap { Int($0) } ?? 0
        }

        var exported: Int { count("chatbridge_trace_spans_exported_total") }

        func dropped(_ reason: String) -> Int {
            count(#"chatbridge_trace_spans_dropped_total{reason="\#(reason)"}"#)
        }
    }

    private static func onLoop(_ body: @escaping @Sendable (EventLoop) async throws -> Void) async throws {
        let loop = try EventLoop()
        loop.startThread(name: "tracing-test")
        defer { loop.stop() }
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            loop.spawn {
                do { continuation.resume(returning: try await body(loop)) } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    @Test func `spans go in batches, with what the operator set, and the rest at the stop`() async throws {
        let receiver = try await Receiver([.json(Array("{}".utf8))])
        try await Self.onLoop { loop in
            let parts = try Parts(loop, receiver.server.url + "/v1/traces") {
                $0.batchSize = 2
                $0.delay = .seconds(600)
            }
            parts.record("a", "b", "c")
            #expect(await eventually { receiver.batches == [["a", "b"]] })
            await parts.exporter.stop(within: .seconds(30))
            #expect(receiver.batches == [["a", "b"], ["c"]])
            #expect(parts.exported == 3)
            let request = try #require(receiver.server.requests.first)
            #expect(request.path == "/v1/traces")
            #expect(request.headers["Content-Type"] == "application/json")
            #expect(request.headers["Authorization"] == "Bearer secret")
        }
    }

    @Test func `a span that is alone waits for the delay and no longer`() async throws {
        let receiver = try await Receiver([.json(Array("{}".utf8))])
        try await Self.onLoop { loop in
            let parts = try Parts(loop, receiver.server.url)
            parts.record("a")
            #expect(await eventually { parts.exported == 1 })
            parts.record("b")
            #expect(await eventually { receiver.batches == [["a"], ["b"]] })
        }
    }

    @Test(arguments: [429, 502, 503, 504])
    func `what may pass is tried again, and nothing is doubled or lost`(status: Int) async throws {
        let receiver = try await Receiver([
            .init(HTTPStatus(status)), .init(HTTPStatus(status), headers: ["Retry-After": "0"]),
            .json(Array("{}".utf8)),
        ])
        try await Self.onLoop { loop in
            let parts = try Parts(loop, receiver.server.url)
            parts.record("a")
            #expect(await eventually { parts.exported == 1 })
            #expect(receiver.batches == [["a"], ["a"], ["a"]])
            #expect(parts.dropped("unsent") + parts.dropped("refused") == 0)
        }
    }

    @Test(arguments: [400, 401, 404, 413, 500, 301])
    func `what will never be taken is dropped and counted`(status: Int) async throws {
        let receiver = try await Receiver([.init(HTTPStatus(status))])
        try await Self.onLoop { loop in
            let parts = try Parts(loop, receiver.server.url)
            parts.record("a", "b")
            #expect(await eventually { parts.dropped("refused") == 2 })
            #expect(receiver.batches.count == 1)
        }
    }

    @Test func `what a receiver takes only a part of is counted so`() async throws {
        let answer = #"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}"#
        let receiver = try await Receiver([.json(Array(answer.utf8))])
        try await Self.onLoop { loop in
            let parts = try Parts(loop, receiver.server.url) { $0.batchSize = 3 }
            parts.record("a", "b", "c")
            #expect(await eventually { parts.exported == 2 && parts.dropped("refused") == 1 })
        }
    }

    @Test func `nobody there: the batch is given up after its attempts, and counted`() async throws {
        try await Self.onLoop { loop in
            let parts = try Parts(loop, "http://127.0.0.1:\(TestEnvironment.freePort())") { $0.attempts = 3 }
            parts.record("a")
            #expect(await eventually { parts.dropped("unsent") == 1 })
        }
    }

    @Test func `no more waits than may, and the oldest stay`() async throws {
        let receiver = try await Receiver([.json(Array("{}".utf8))])
        try await Self.onLoop { loop in
            let parts = try Parts(loop, receiver.server.url) {
                $0.queueSize = 3
                $0.batchSize = 3
            }
            // In one turn of the loop: nothing can be sent between.
            for number in 1...10 { parts.record("\(number)") }
            #expect(await eventually { parts.exported >= 3 })
            await parts.exporter.stop(within: .seconds(30))
            #expect(parts.dropped("overflow") + parts.exported == 10)
            #expect(receiver.batches.first == ["1", "2", "3"])
        }
    }

    @Test func `a stop does not wait longer than it may, for a receiver that wants to be left alone`() async throws {
        let receiver = try await Receiver([.init(HTTPStatus(503), headers: ["Retry-After": "60"])])
        try await Self.onLoop { loop in
            let parts = try Parts(loop, receiver.server.url)
            parts.record("a")
            #expect(await eventually { receiver.batches.count == 1 })
            await parts.exporter.stop(within: .milliseconds(200))
            #expect(parts.dropped("unsent") == 1)
        }
    }

    @Test func `without an endpoint there are names for others, and nothing is told`() throws {
        let tracer = Tracer(sampler: TraceSampler(), exporter: nil)
        let span = tracer.open(under: nil)
        #expect(span.isSampled)
        #expect(!tracer.isKept(span))
        #expect(tracer.part(of: span).traceID == span.traceID)
        #expect(tracer.part(of: span).spanID != span.spanID)
    }
}
