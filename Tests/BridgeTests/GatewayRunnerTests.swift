import BridgeCore
import BridgeTesting
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import Synchronization
import Telemetry
import TestSupport
import Testing
import WebSocket

@testable import Bridge

struct GatewayRunnerTests {
    private struct Cut: Error {}

    private func withRunner(
        _ scripts: [FakeGateway.Script], agent: FakeAgent? = nil, question: String? = nil,
        configure: @escaping @Sendable (inout BridgeConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (Engine, FakeGateway.Record, Task<Void, Never>) async throws -> Void
    ) async throws {
        let gateway = try await FakeGateway(scripts)
        let agent = if let agent { agent } else { try await FakeAgent() }
        let platform = try await FakePlatform()
        try await onLoop { loop in
            let adapter = GatewayAdapter(
                plain: platform.adapter(), question: question, url: gateway.url)
            let engine = Engine(loop, adapters: [adapter], agent: agent.agent, configure: configure)
            let runner = GatewayRunner(
                adapter: adapter, bridge: engine.bridge, client: engine.client, metrics: engine.metrics,
                log: Log(minimum: .debug, format: .json, write: engine.logged.write))
            let task = loop.spawn { await runner.run() }
            try await body(engine, gateway.record, task)
            task.cancel()
            await task.value
            await engine.client.shutdown()
        }
        withExtendedLifetime((gateway, platform)) {}
    }

    @Test func `events are taken, answered, and then acknowledged`() async throws {
        let agent = try await FakeAgent()
        try await withRunner(
            [
                { connection, _ in
                    try await connection.hello()
                    for number in 1...3 { try await connection.tell(number) }
                }
            ], agent: agent
        ) { engine, record, _ in
            #expect(await eventually { agent.all.count == 3 })
            #expect(agent.all.map(\.text) == ["1", "2", "3"])
            let expected = [#"{"identify":true}"#, #"{"ack":1}"#, #"{"ack":2}"#, #"{"ack":3}"#]
            #expect(await eventually { record.heard == [expected] })
            #expect(record.headers.first?["X-Bot"] == "plain")
            #expect(record.headers.first?["User-Agent"] == "ChatBridge")
            #expect(engine.metric("chatbridge_gateway_connected") == 1)
            #expect(engine.metric("chatbridge_gateway_connections_total") == 1)
        }
    }

    @Test func `heartbeats go out at the session's wish`() async throws {
        try await withRunner([{ connection, _ in try await connection.hello(every: 30) }]) { _, record, _ in
            #expect(await eventually { record.heard.first.map { $0.count >= 4 } ?? false })
            #expect(record.heard[0][1...3].allSatisfy { $0 == #"{"heartbeat":true}"# })
        }
    }

    @Test func `a session goes on where it was after the connection was cut`() async throws {
        let agent = try await FakeAgent()
        try await withRunner(
            [
                { connection, record in
                    try await connection.hello()
                    try await connection.tell(1)
                    _ = await eventually { record.heard[0].contains(#"{"ack":1}"#) }
                    throw Cut()
                },
                { connection, _ in
                    try await connection.hello()
                    // The platform tells the last event once more; it is acknowledged and not answered.
                    for number in 1...2 { try await connection.tell(number) }
                },
            ], agent: agent
        ) { engine, record, _ in
            #expect(await eventually { record.heard.count == 2 && record.heard[1].count == 3 })
            #expect(record.heard[1] == [#"{"resume":1}"#, #"{"ack":1}"#, #"{"ack":2}"#])
            #expect(await eventually { agent.all.count == 2 })
            #expect(engine.metric("chatbridge_events_duplicate_total") == 1)
            #expect(engine.metric("chatbridge_gateway_connections_total") == 2)
        }
    }

    @Test func `a fatal close ends it, and the operator is told`() async throws {
        try await withRunner([
            { connection, _ in
                try await connection.hello()
                await connection.close(WebSocketCloseCode(rawValue: 4004), reason: "no")
            }
        ]) { engine, record, task in
            await task.value
            #expect(record.heard.count == 1)
            #expect(engine.logged.all.contains { $0.contains("the token is wrong") && $0.contains(#""error""#) })
            #expect(engine.metric("chatbridge_gateway_connected") == 0)
        }
    }

    @Test func `while the engine is full nothing is acknowledged or read, and the heart beats on`() async throws {
        let gate = Gate()
        let agent = try await FakeAgent { question in
            await gate.pass()
            return .says("Re: \(question.text)")
        }
        try await withRunner(
            [
                { connection, _ in
                    try await connection.hello(every: 50)
                    for number in 1...3 { try await connection.tell(number) }
                }
            ], agent: agent, configure: { $0.maxInFlight = 1 }
        ) { engine, record, _ in
            #expect(await eventually { engine.metric("chatbridge_webhooks_overloaded_total") >= 2 })
            let beats = record.heard[0].filter { $0.contains("heartbeat") }.count
            #expect(await eventually { record.heard[0].filter { $0.contains("heartbeat") }.count > beats + 2 })
            #expect(record.heard[0].filter { $0.contains("ack") } == [#"{"ack":1}"#])
            gate.open()
            #expect(await eventually { record.heard[0].filter { $0.contains("ack") }.count == 3 })
        }
    }

    @Test func `a stop closes the connection in good order`() async throws {
        try await withRunner([{ connection, _ in try await connection.hello() }]) { engine, record, task in
            #expect(await eventually { record.heard.first?.isEmpty == false })
            task.cancel()
            await task.value
            #expect(
                await eventually {
                    record.closures[0] == WebSocketClosure(code: .normal, reason: "", isClean: true)
                })
            #expect(engine.metric("chatbridge_gateway_connected") == 0)
        }
    }

    @Test func `a stop does not wait for a connection that is not there`() async throws {
        let port = TestEnvironment.freePort()
        try await withRunner(
            [{ _, _ in }], question: "http://127.0.0.1:\(port)/nobody"
        ) { engine, record, task in
            #expect(await eventually { engine.logged.all.contains { $0.contains("gateway not connected") } })
            task.cancel()
            await task.value
            #expect(record.heard.isEmpty)
        }
    }

    @Test func `the address is asked for, again while it cannot be had`() async throws {
        let gateway = try await FakeGateway([{ connection, _ in try await connection.hello() }])
        let answers = Answers()
        let api = try await RecordingServer { _ in
            answers.next() == 1 ? .text("later", status: .serviceUnavailable) : .text(gateway.url)
        }
        try await withRunner([{ _, _ in }], question: "\(api.url)/open") { engine, _, _ in
            #expect(await eventually { gateway.record.heard.first == [#"{"identify":true}"#] })
            #expect(api.requests.map(\.path) == ["/open", "/open"])
            #expect(engine.logged.all.filter { $0.contains("gateway not connected") }.count == 1)
        }
    }

    @Test func `an address that is refused for good ends it`() async throws {
        let api = try await RecordingServer { _ in .text("no", status: .unauthorized) }
        try await withRunner([{ _, _ in }], question: "\(api.url)/open") { engine, record, task in
            await task.value
            #expect(engine.logged.all.contains { $0.contains("gateway given up") })
            #expect(record.heard.isEmpty && api.requests.count == 1)
        }
    }

    @Test func `another session takes over before the connection ends`() async throws {
        let agent = try await FakeAgent()
        try await withRunner(
            [
                { connection, _ in
                    try await connection.hello()
                    try await connection.send(text: #"{"replace":true}"#)
                },
                { connection, _ in
                    try await connection.hello()
                    try await connection.tell(7)
                },
            ], agent: agent
        ) { engine, record, _ in
            #expect(await eventually { record.closures[0]?.code == .normal && agent.all.count == 1 })
            #expect(record.closures[1] == nil)
            // The new one is a session of its own.
            #expect(await eventually { record.heard[1] == [#"{"identify":true}"#, #"{"ack":7}"#] })
            #expect(await eventually { engine.metric("chatbridge_gateway_connected") == 1 })
        }
    }

    @Test func `a session closes with its own code, and connects again`() async throws {
        try await withRunner([
            { connection, _ in
                try await connection.hello()
                try await connection.send(text: #"{"leave":4900}"#)
            },
            { connection, _ in try await connection.hello() },
        ]) { _, record, _ in
            #expect(await eventually { record.closures[0]?.code.rawValue == 4900 && record.heard.count == 2 })
        }
    }
}

struct GatewayBackoffTests {
    @Test func `pauses double up to a minute, and half of each is drawn`() {
        var backoff = GatewayBackoff()
        let pauses = (0..<9).map { _ in backoff.pause(after: .zero, wanted: nil, jitter: 1) }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
        var other = GatewayBackoff()
        #expect(other.pause(after: .zero, wanted: nil, jitter: 0) == .milliseconds(500))
        #expect(other.pause(after: .zero, wanted: nil, jitter: 0.5) == .milliseconds(1500))
    }

    @Test func `after a good connection it is at once, when the session says so`() {
        var backoff = GatewayBackoff()
        _ = backoff.pause(after: .zero, wanted: nil, jitter: 1)
        #expect(backoff.pause(after: .seconds(3600), wanted: .zero, jitter: 1) == .zero)
        #expect(backoff.pause(after: .seconds(3600), wanted: nil, jitter: 1) == .seconds(1))
    }

    @Test func `a server that drops us at once is not stormed, and a longer wish is kept`() {
        var backoff = GatewayBackoff()
        #expect(backoff.pause(after: .milliseconds(5), wanted: .zero, jitter: 1) == .seconds(1))
        #expect(backoff.pause(after: .milliseconds(5), wanted: .seconds(5), jitter: 1) == .seconds(5))
        #expect(backoff.pause(after: .milliseconds(5), wanted: .zero, jitter: 1) == .seconds(4))
    }
}

/// Counts from one.
private final class Answers: Sendable {
    private let count = Atomic<Int>(0)
    func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }
}
