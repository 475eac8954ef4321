import Agents
import BridgeCore
import BridgeTesting
import EventLoop
import HTTPCore
import HTTPServer
import Inbox
import JSON
import Synchronization
import Telemetry
import TestSupport
import Testing
import Tracing

@testable import Bridge

/// What the engine tells of a message's way, and what it passes on.
struct MessageTracingTests {
    private static let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    /// A span as the receiver got it.
    private struct Seen {
        let trace, id, parent, name: String
        let kind: Int64
        let start, end: Int64
        let attributes: [String: String]
        let events: [String]
        let error: String?
    }

    private final class Receiver: Sendable {
        let server: RecordingServer

        init() async throws { server = try await RecordingServer { _ in .json(Array("{}".utf8)) } }

        var spans: [Seen] {
            server.requests.flatMap { request -> [Seen] in
                let root = (try? JSONView(parsing: request.body)) ?? .missing
                return root["resourceSpans"][0]["scopeSpans"][0]["spans"].elements.map { span in
                    var attributes: [String: String] = [:]
                    for pair in span["attributes"].elements {
                        let value = pair["value"]
                        attributes[pair["key"].string ?? ""] =
                            value["stringValue"].string ?? value["intValue"].string
                            ?? value["boolValue"].bool.map { "\($0)" } ?? "?"
                    }
                    return Seen(
                        trace: span["traceId"].string ?? "", id: span["spanId"].string ?? "",
                        parent: span["parentSpanId"].string ?? "", name: span["name"].string ?? "",
                        kind: span["kind"].int ?? 0,
                        start: span["startTimeUnixNano"].string.flatMap { Int64($0) } ?? 0,
                        end: span["endTimeUnixNano"].string.flatMap { Int64($0) } ?? 0, attributes: attributes,
                        events: span["events"].elements.compactMap { $0["name"].string },
                        error: span["status"]["message"].string)
                }
            }
        }

        func bodies() -> String {
            server.requests.map { String(decoding: $0.body, as: UTF8.self) }.joined()
        }
    }

    private static func post(_ door: FrontDoor, _ headers: HTTPFields = [:]) async throws -> Int {
        var all: HTTPFields = ["X-Plain-Token": "plain-token"]
        for field in headers.fields { all.append(field.name, field.value) }
        return try await door.post(
            "/webhooks/plain", #"{"id":"1","conversation":"room-one","user":"user-one","text":"hush hush"}"#,
            headers: all
        ).status
    }

    /// - Returns: what the agent was sent, and the jobs of the log.
    private static func run(
        receiver: Receiver?, sampler: TraceSampler = TraceSampler(), headers: HTTPFields = [:],
        answer: @escaping @Sendable () -> HTTPResponse = { .says("a secret answer") }
    ) async throws -> (agent: [HTTPRequest], jobs: [LogJob]) {
        let platform = try await FakePlatform()
        let agent = try await RecordingServer { _ in answer() }
        let metadata = Mutex<[LogJob]>([])
        try await onLoop { loop in
            var configuration = TracingConfiguration()
            configuration.endpoint = receiver?.server.url
            configuration.sampler = sampler
            let engine = Engine(
                loop, adapters: [platform.adapter()],
                agent: HTTPAgent(configuration: .init(url: agent.url)),
                tracing: receiver.map { _ in configuration })
            let door = try await FrontDoor(engine)
            #expect(try await post(door, headers) == 200)
            #expect(await engine.finish() == 0)
            await engine.exporter?.stop(within: .seconds(30))
            let jobs = try await engine.jobs()
            metadata.withLock { $0 = jobs }
            await door.close()
        }
        return (agent.requests, metadata.withLock { $0 })
    }

    @Test func `a message's way is told whole, each span under the right one`() async throws {
        let receiver = try await Receiver()
        let (agent, jobs) = try await Self.run(receiver: receiver, headers: ["traceparent": Self.caller])
        let spans = receiver.spans
        let named = Dictionary(grouping: spans, by: \.name).mapValues { $0[0] }
        #expect(
            Set(named.keys) == [
                "POST /webhooks/:platform", "verify", "process plain", "claim", "wait", "invoke_agent http",
                "send plain",
            ])
        #expect(spans.count == named.count)
        #expect(Set(spans.map(\.trace)) == ["4bf92f3577b34da6a3ce929d0e0e4736"])
        #expect(Set(spans.map(\.id)).count == spans.count)
        let (server, process) = (
            try #require(named["POST /webhooks/:platform"]), try #require(named["process plain"])
        )
        #expect(server.parent == "00f067aa0ba902b7")
        #expect(server.kind == 2)
        #expect(server.attributes["http.response.status_code"] == "200")
        #expect(named["verify"]?.parent == server.id)
        #expect(process.parent == server.id)
        #expect(process.kind == 5)
        for part in ["claim", "wait", "invoke_agent http", "send plain"] { #expect(named[part]?.parent == process.id) }
        #expect(named["invoke_agent http"]?.kind == 3)
        #expect(named["invoke_agent http"]?.events == ["first_byte"])
        #expect(named["send plain"]?.kind == 4)
        for span in spans { #expect(span.start <= span.end, "\(span)") }
        let order = ["claim", "wait", "invoke_agent http", "send plain"].compactMap { named[$0]?.start }
        #expect(order == order.sorted())
        #expect(process.start <= order[0] && process.end >= (named["send plain"]?.end ?? .max))
        // The agent's own spans hang under ours of the request.
        #expect(
            agent.map { $0.headers["traceparent"] } == [
                "00-\(process.trace)-\(try #require(named["invoke_agent http"]).id)-01"
            ])
        // Both messages know it, so that the logger's spans do.
        #expect(
            jobs.map(\.metadata).allSatisfy { $0.contains(#""traceparent":"00-\#(process.trace)-\#(process.id)-01""#) })
        #expect(jobs.count == 2)
    }

    @Test func `nothing that was said, and nobody, is told of`() async throws {
        let receiver = try await Receiver()
        _ = try await Self.run(receiver: receiver)
        let bodies = receiver.bodies()
        #expect(!bodies.isEmpty)
        for word in ["hush", "secret", "user-one", "room-one"] { #expect(!bodies.contains(word), "\(word)") }
    }

    @Test func `without a caller's trace one is begun`() async throws {
        let receiver = try await Receiver()
        let (agent, _) = try await Self.run(receiver: receiver, headers: ["traceparent": "nonsense"])
        let server = try #require(receiver.spans.first { $0.kind == 2 })
        #expect(server.parent == "")
        #expect(agent.first?.headers["traceparent"]?.hasPrefix("00-\(server.trace)-") == true)
    }

    @Test func `what the caller does not keep is passed on and told to nobody`() async throws {
        let receiver = try await Receiver()
        let unkept = String(Self.caller.dropLast(2)) + "00"
        let (agent, jobs) = try await Self.run(
            receiver: receiver, headers: ["traceparent": unkept, "tracestate": "a=1"])
        let sent = try #require(agent.first?.headers["traceparent"])
        #expect(sent.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-"))
        #expect(sent.hasSuffix("-00"))
        #expect(agent.first?.headers["tracestate"] == "a=1")
        #expect(receiver.spans.isEmpty)
        #expect(jobs.allSatisfy { !$0.metadata.contains("traceparent") })
    }

    @Test func `where nobody traces a caller's trace goes to the agent as it came, and none is made`() async throws {
        let (agent, jobs) = try await Self.run(
            receiver: nil, headers: ["traceparent": Self.caller, "tracestate": "a=1"])
        #expect(agent.first?.headers["traceparent"] == Self.caller)
        #expect(agent.first?.headers["tracestate"] == "a=1")
        #expect(jobs.allSatisfy { !$0.metadata.contains("traceparent") })
        let (alone, _) = try await Self.run(receiver: nil)
        #expect(alone.count == 1)
        #expect(alone.first?.headers["traceparent"] == nil)
    }

    @Test func `an agent that fails is told of as such, and its words are not`() async throws {
        let receiver = try await Receiver()
        _ = try await Self.run(receiver: receiver) {
            .error(.internalServerError, code: "x", message: "the user said hush hush")
        }
        let failed = try #require(receiver.spans.first { $0.name.hasPrefix("invoke_agent") })
        #expect(failed.error == "error")
        #expect(failed.attributes["error.type"] == "error")
        #expect(receiver.spans.first { $0.name == "process plain" }?.error == "agent: error")
        #expect(!receiver.bodies().contains("hush"))
    }

    @Test func `a message that another bridge took goes on in its trace, and the one that took it says which`()
        async throws
    {
        let receiver = try await Receiver()
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            var configuration = TracingConfiguration()
            configuration.endpoint = receiver.server.url
            let inbox = ScriptedInbox(loop)
            let engine = Engine(
                loop, adapters: [platform.adapter()], agent: agent.agent, inbox: inbox, tracing: configuration
            ) { $0.acknowledgement = .durable }
            await engine.bridge.start()
            await inbox.change { $0.verdicts["plain:1"] = .forwarded }
            #expect(await engine.bridge.take([event("1", "hi")], from: PlatformName("plain")))
            let payload = try #require(await inbox.claims.first?.payload)
            let trace = try #require(InboxPayload(payload)?.trace)
            #expect(TraceContext(traceparent: trace)?.isSampled == true)
            // As the other bridge gets it.
            await inbox.deliver(event("1", "hi"), id: try #require(await inbox.claims.first?.id), trace: trace)
            #expect(await engine.finish() == 0)
            await engine.exporter?.stop(within: .seconds(30))
            let process = try #require(receiver.spans.first { $0.name == "process plain" })
            #expect(process.trace == trace.split(separator: "-").map(String.init)[1])
            #expect(process.parent == trace.split(separator: "-").map(String.init)[2])
            #expect(receiver.spans.contains { $0.name == "send plain" && $0.parent == process.id })
        }
    }

    @Test func `a payload of before traces is read, and one without a trace is as it was`() throws {
        let plain = InboxPayload.encode(event("1", "hi"), on: PlatformName("plain"))
        #expect(InboxPayload(plain)?.trace == nil)
        #expect(!String(decoding: plain, as: UTF8.self).contains("trace"))
    }

    @Test func `a message whose answer is not wanted any more ends as such, and is no failure`() async throws {
        let receiver = try await Receiver()
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            if question.text == "old" { await gate.pass() }
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            var configuration = TracingConfiguration()
            configuration.endpoint = receiver.server.url
            let engine = Engine(
                loop, adapters: [platform.adapter()], agent: agent.agent, tracing: configuration
            ) { $0.policy = .latest }
            #expect(engine.take(event("1", "old")))
            #expect(await eventually { agent.all.count == 1 })
            #expect(engine.take(event("2", "between")))
            #expect(engine.take(event("3", "new")))
            #expect(await engine.finish() == 0)
            gate.open()
            await engine.exporter?.stop(within: .seconds(30))
            #expect(platform.texts == ["Re: new"])
        }
        let ends = receiver.spans.filter { $0.name == "process plain" }
        #expect(ends.count == 3)
        #expect(ends.allSatisfy { $0.error == nil }, "\(ends)")
        #expect(ends.compactMap { $0.attributes["chatbridge.outcome"] } == ["superseded", "superseded"])
        // What a span hangs under is told of.
        let ids = Set(receiver.spans.map(\.id))
        #expect(receiver.spans.allSatisfy { $0.parent.isEmpty || ids.contains($0.parent) })
    }
}
