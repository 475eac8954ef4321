import Agents
import BridgeCore
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Bridge

/// An agent that is down, slow or ill behind a breaker, with a whole engine before it.
struct AgentBreakerTests {
    /// A breaker whose pause never ends in a test, unless it is told to be short.
    private func breaker(
        _ metrics: Metrics, _ logged: LogLines, failures: Int = 3, pause: Duration = .seconds(600)
    ) -> AgentBreaker {
        var limits = CircuitBreaker.Limits()
        limits.failures = failures
        limits.shortestPause = pause
        limits.longestPause = pause
        return AgentBreaker(limits, metrics: metrics, log: Log(minimum: .debug, format: .json, write: logged.write))
    }

    /// The value of a metric without labels.
    private func value(of name: String, in metrics: Metrics) -> Int? {
        metrics.text().split(separator: "\n").first { $0.hasPrefix(name + " ") }?.split(separator: " ").last
            .flatMap { Int($0) }
    }

    @Test(arguments: [false, true])
    func `an agent that is ill is left alone after three failures, and its users read the error reply at once`(
        isStreaming: Bool
    ) async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent { _ in .error(.internalServerError, code: "x", message: "boom") }
        let metrics = Metrics()
        let logged = LogLines()
        let breaker = breaker(metrics, logged)
        let adapter = platform.adapter(editInterval: isStreaming ? .milliseconds(100) : nil)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: GuardedAgent(agent.agent, breaker: breaker)) {
                $0.errorReply = "sorry"
            }
            for number in 0..<20 { #expect(engine.take(event("\(number)"))) }
            #expect(await engine.finish() == 0)
            #expect(agent.all.count == 3)
            #expect(platform.texts == Array(repeating: "sorry", count: 20))
            #expect(engine.metric("chatbridge_agent_failures_total") == 20)
        }
        #expect(value(of: "chatbridge_agent_breaker_state", in: metrics) == 2)
        #expect(value(of: "chatbridge_agent_breaker_opened_total", in: metrics) == 1)
        #expect(value(of: "chatbridge_agent_rejected_total", in: metrics) == 17)
        #expect(!breaker.finding.isHealthy && breaker.finding.detail.hasPrefix("open: not asked for "))
        #expect(breaker.finding.detail.contains("HTTP 500"))
        #expect(logged.all.count == 1 && logged.all[0].contains("boom"))
    }

    struct Grumble: Sendable, CustomTestStringConvertible {
        let name: String
        let opens: Bool
        let answer: @Sendable () -> HTTPResponse
        var testDescription: String { name }
    }

    static let grumbles: [Grumble] = [
        Grumble(name: "401", opens: false) { .error(.unauthorized, code: "x", message: "who are you") },
        Grumble(name: "404", opens: false) { .error(.notFound, code: "x", message: "no such agent") },
        Grumble(name: "422", opens: false) { .error(HTTPStatus(422), code: "x", message: "not this") },
        Grumble(name: "HTML", opens: false) {
            HTTPResponse(headers: ["Content-Type": "text/html"], body: .bytes(Array("<html>".utf8)))
        },
        Grumble(name: "an empty text", opens: false) { .says("") },
        Grumble(name: "429", opens: true) { .error(HTTPStatus(429), code: "x", message: "slowly") },
        Grumble(name: "502", opens: true) { .error(HTTPStatus(502), code: "x", message: "gateway") },
        Grumble(name: "503", opens: true) { .error(.serviceUnavailable, code: "x", message: "later") },
    ]

    @Test(arguments: grumbles)
    func `only what says something of the agent as a whole opens it`(grumble: Grumble) async throws {
        let agent = try await FakeAgent { _ in grumble.answer() }
        let metrics = Metrics()
        let breaker = breaker(metrics, LogLines())
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [], agent: GuardedAgent(agent.agent, breaker: breaker))
            for _ in 0..<6 { _ = try? await engine.ask("hi") }
        }
        #expect(agent.all.count == (grumble.opens ? 3 : 6))
        #expect(breaker.finding.isHealthy == !grumble.opens)
    }

    @Test func `timeouts open it, so that what waits does not wait for one each`() async throws {
        let gate = Gate()
        defer { gate.open() }
        let agent = try await FakeAgent { _ in
            await gate.pass()
            return .says("late")
        }
        let breaker = breaker(Metrics(), LogLines(), failures: 2)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [], agent: GuardedAgent(agent.agent, breaker: breaker)) {
                $0.agentTimeout = .milliseconds(300)
            }
            for _ in 0..<10 {
                let failure = await #expect(throws: AgentFailure.self) { try await engine.ask("hi") }
                #expect(failure?.kind == .timeout || failure?.message.contains("fails with timeout") == true)
            }
        }
        #expect(agent.all.count == 2)
    }

    @Test func `one question tries it while the others fail at once, and its first word lets all of them pass`()
        async throws
    {
        let isIll = Mutex(true)
        let gate = Gate()
        defer { gate.open() }
        let agent = try await FakeAgent { question in
            guard question.text == "trial" else {
                return isIll.withLock { $0 }
                    ? .error(.serviceUnavailable, code: "x", message: "later") : .says("fine")
            }
            return .eventStream { writer in
                await gate.pass()
                try await writer.send(data: #"{"delta":"here"}"#)
                try await Task.sleep(for: .seconds(60))
            }
        }
        let metrics = Metrics()
        let logged = LogLines()
        let breaker = breaker(metrics, logged, failures: 1, pause: .milliseconds(1))
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [], agent: GuardedAgent(agent.agent, breaker: breaker))
            await #expect(throws: AgentFailure.self) { try await engine.ask("first") }
            let isDue = await eventually { breaker.finding.detail == "half-open: the next question tries" }
            #expect(isDue)
            isIll.withLock { $0 = false }
            let trial = loop.spawn { _ = try? await engine.ask("trial") }
            let isTried = await eventually { breaker.finding.detail == "half-open: one question tries" }
            #expect(isTried && value(of: "chatbridge_agent_breaker_state", in: metrics) == 1)
            await #expect(throws: AgentFailure.self) { try await engine.ask("another") }
            #expect(value(of: "chatbridge_agent_rejected_total", in: metrics) == 1)
            gate.open()
            let isClosed = await eventually { breaker.finding.isHealthy }
            #expect(isClosed && value(of: "chatbridge_agent_breaker_state", in: metrics) == 0)
            let answer = try await engine.ask("one more")
            #expect(answer == "fine")
            trial.cancel()
            await trial.value
            #expect(breaker.finding == .init(isHealthy: true, detail: "ok"))
        }
        #expect(logged.all.count == 3, "\(logged.all)")
        #expect(agent.all.map(\.text) == ["first", "trial", "one more"])
    }

    @Test func `questions that we give up say nothing against it`() async throws {
        let gate = Gate()
        defer { gate.open() }
        let agent = try await FakeAgent { _ in
            await gate.pass()
            return .says("late")
        }
        let breaker = breaker(Metrics(), LogLines(), failures: 1)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [], agent: GuardedAgent(agent.agent, breaker: breaker))
            for number in 1...3 {
                let task = loop.spawn { _ = try? await engine.ask("hi") }
                let isAsked = await eventually { agent.all.count == number }
                #expect(isAsked)
                task.cancel()
                await task.value
            }
        }
        #expect(breaker.finding == .init(isHealthy: true, detail: "ok"))
    }

    @Test(arguments: [false, true])
    func `an agent that is started anew within two seconds costs nobody an answer`(isStreaming: Bool) async throws {
        let port = TestEnvironment.freePort()
        let breaker = breaker(Metrics(), LogLines(), failures: 1)
        try await onLoop { loop in
            let agent = HTTPAgent(configuration: .init(url: "http://127.0.0.1:\(port)"))
            let engine = Engine(loop, adapters: [], agent: GuardedAgent(agent, breaker: breaker))
            let started = Mutex<RawServer?>(nil)
            loop.spawn {
                try? await loop.sleep(for: .milliseconds(200))
                started.withLock { $0 = RawServer(port: port, [.says(#"{"text":"back"}"#)]) }
            }
            let answer = try await engine.ask("hi", isStreaming: isStreaming)
            #expect(answer == "back")
            let server = try #require(started.withLock { $0 })
            #expect(server.requests.count == 1)
            server.stop()
        }
    }

    @Test func `an agent that takes the question and goes is not asked it twice`() async throws {
        let server = RawServer([.close])
        defer { server.stop() }
        try await onLoop { loop in
            let agent = HTTPAgent(configuration: .init(url: server.url))
            let engine = Engine(loop, adapters: [], agent: agent)
            await #expect(throws: AgentFailure.self) { try await engine.ask("hi", isStreaming: false) }
        }
        #expect(server.requests.count == 1)
    }
}

extension Engine {
    /// Puts a question to the agent past conversations and platforms.
    fileprivate func ask(_ text: String, isStreaming: Bool = true) async throws -> String {
        let turn = AgentTurn(
            id: UUID(high: 1, low: 2), platform: PlatformName("plain"), event: event("1", text), text: text,
            isStreaming: isStreaming)
        return try await bridge.agent.ask(AskedTurn(turn)) { _ in }.text
    }
}
