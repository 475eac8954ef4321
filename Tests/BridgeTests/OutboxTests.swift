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

@testable import Bridge

struct OutboxTests {
    private static func outbox(_ loop: EventLoop, _ adapter: any Adapter) -> Outbox {
        Outbox(
            loop: loop, adapter: adapter, rates: adapter.capabilities.rates, client: HTTPClient(loop: loop),
            states: MemoryStates(), metrics: PlatformMetrics(Metrics(), platform: adapter.platform), log: .silent)
    }

    private static let address = ReplyAddress(event("1"))

    @Test func `a long answer goes out in parts, in order, and the log has it whole`() async throws {
        let platform = try await FakePlatform()
        let answer = (1...12).map { "Line number \($0)." }.joined(separator: "\n")
        let agent = try await FakeAgent { _ in .says(answer) }
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter(limit: 40)], agent: agent.agent)
            #expect(engine.take(event("1")))
            #expect(await engine.finish() == 0)
            #expect(platform.texts.count > 3 && platform.texts.allSatisfy { $0.utf16.count <= 40 })
            #expect(platform.texts.joined(separator: "\n") == answer)
            let jobs = try await engine.jobs()
            #expect(jobs.map(\.story) == ["in hello", "out \(answer)"])
            let names = platform.texts.indices.map { "\"m\($0)\"" }.joined(separator: ",")
            #expect(jobs.last?.metadata.contains("\"message_ids\":[\(names)]") == true)
        }
    }

    @Test func `the parts after one that failed are not sent`() async throws {
        let platform = try await FakePlatform { _, number in number == 1 ? FakePlatform.refusal("blocked") : nil }
        try await onLoop { loop in
            let outbox = OutboxTests.outbox(loop, platform.adapter(limit: 10))
            let delivery = await outbox.send("one two three four five six", format: .markdown, to: OutboxTests.address)
            #expect(delivery.parts == 1 && delivery.failure?.kind == .blocked && platform.all.count == 2)
        }
    }

    @Test func `a 429 is obeyed exactly`() async throws {
        let platform = try await FakePlatform { _, number in number < 2 ? FakePlatform.tooFast(after: 0.4) : nil }
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(engine.take(event("1", "a")))
            #expect(await engine.finish() == 0)
            let times = platform.all.map(\.at)
            #expect(times.count == 3)
            for (earlier, later) in zip(times, times.dropFirst()) {
                #expect(earlier.duration(to: later) >= .milliseconds(400))
            }
            let story = try await engine.story()
            #expect(story == ["in a", "out Re: a"])
        }
    }

    @Test func `a 429 holds back those who stood in line before it`() async throws {
        let platform = try await FakePlatform { _, number in number == 0 ? FakePlatform.tooFast(after: 0.6) : nil }
        let rates = Capabilities.Rates(conversation: .init(burst: 1, interval: .milliseconds(100)))
        try await onLoop { loop in
            // By a clock of its own: a slow machine would let the others go before the answer is there.
            let clock = SimulatedClock(loop)
            let adapter = TimedAdapter(platform.adapter(rates: rates), clock: clock)
            let outbox = Outbox(
                loop: loop, adapter: adapter, rates: rates, client: HTTPClient(loop: loop), states: MemoryStates(),
                metrics: PlatformMetrics(Metrics(), platform: adapter.platform), log: .silent, clock: clock)
            let delivered = Mutex(0)
            for number in 0..<3 {
                loop.spawn {
                    let kind = OutboundAction.Kind.send(text: "\(number)", format: .plain)
                    let result = await outbox.perform(kind, to: OutboxTests.address)
                    if case .failed(let failure) = result { Issue.record("\(failure)") }
                    delivered.withLock { $0 += 1 }
                }
            }
            try await clock.run(whileBusy: { adapter.isWaiting }, until: { delivered.withLock { $0 } == 3 })
            let times = adapter.calls.map(\.at)
            #expect(times.count == 4)
            for time in times.dropFirst() { #expect(times[0].duration(to: time) >= .milliseconds(600)) }
        }
    }

    @Test func `a fault that passes is tried again, as the same action, and delivered once`() async throws {
        let platform = try await FakePlatform { _, number in
            number < 2 ? FakePlatform.refusal("busy", status: 503) : nil
        }
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(engine.take(event("1", "a")))
            #expect(await engine.finish() == 0)
            let calls = platform.all
            #expect(calls.count == 3 && Set(calls.map(\.action)).count == 1)
            #expect(calls[0].at.duration(to: calls[1].at) >= .milliseconds(375))
            #expect(calls[1].at.duration(to: calls[2].at) >= .milliseconds(750))
            let story = try await engine.story()
            #expect(story == ["in a", "out Re: a"])
            #expect(engine.metric("chatbridge_delivery_retries_total") == 2)
        }
    }

    @Test(arguments: ["blocked", "gone", "unauthorized", "bad request"])
    func `what cannot succeed is tried once and logged as failed with its reason`(reason: String) async throws {
        let platform = try await FakePlatform { _, _ in FakePlatform.refusal(reason) }
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(engine.take(event("1", "a")))
            #expect(await engine.finish() == 0)
            #expect(platform.all.count == 1)
            let jobs = try await engine.jobs()
            #expect(jobs.map(\.story) == ["in a", "out! Re: a"])
            #expect(jobs.last?.metadata.contains("\"delivery_error\":\"\(reason)\"") == true)
            #expect(engine.logged.all.contains { $0.contains("delivery failed") && $0.contains(reason) })
        }
    }

    @Test func `what the platform cannot read as formatted goes out as plain text`() async throws {
        let platform = try await FakePlatform { call, _ in
            call.format == "markdown" ? FakePlatform.refusal("formatting") : nil
        }
        try await onLoop { loop in
            let outbox = OutboxTests.outbox(loop, platform.adapter())
            let delivery = await outbox.send("*a", format: .markdown, to: OutboxTests.address)
            #expect(delivery == Outbox.Delivery(messageIDs: [PlatformMessageID("m1")], parts: 1))
            #expect(platform.all.map(\.text) == ["*a", "*a"] && platform.all.map(\.format) == ["markdown", "plain"])
        }
    }

    @Test func `a conversation that moved is followed, also as plain text`() async throws {
        let platform = try await FakePlatform { call, _ in
            if call.conversation == "c1" { return FakePlatform.refusal("moved", to: "c2") }
            return call.format == "markdown" ? FakePlatform.refusal("formatting") : nil
        }
        try await onLoop { loop in
            let outbox = OutboxTests.outbox(loop, platform.adapter())
            let delivery = await outbox.send("a", format: .markdown, to: OutboxTests.address)
            #expect(delivery.failure == nil && delivery.parts == 1)
            #expect(platform.all.map(\.conversation) == ["c1", "c2", "c2"])
        }
    }

    @Test func `conversations that claim to have moved to each other are given up`() async throws {
        let platform = try await FakePlatform { call, _ in
            FakePlatform.refusal("moved", to: call.conversation == "c1" ? "c2" : "c1")
        }
        try await onLoop { loop in
            let outbox = OutboxTests.outbox(loop, platform.adapter())
            let delivery = await outbox.send("a", format: .plain, to: OutboxTests.address)
            #expect(delivery.failure?.reason == "moved" && platform.all.count == 3)
        }
    }

    @Test func `a platform that comes back in time gets the answer`() async throws {
        let port = TestEnvironment.freePort()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let adapter = PlainAdapter(apiBase: "http://127.0.0.1:\(port)")
            let engine = Engine(loop, adapters: [adapter], agent: agent.agent)
            #expect(engine.take(event("1", "a")))
            #expect(await eventually { engine.metric("chatbridge_delivery_retries_total") > 0 })
            let server = RawServer(port: port, [.answer])
            defer { server.stop() }
            #expect(await engine.finish() == 0)
            let story = try await engine.story()
            #expect(server.requests.count == 1 && story == ["in a", "out Re: a"])
        }
    }

    @Test(arguments: [[RawServer.Behaviour.close], [.answer, .close]])
    func `a message whose answer is lost is not sent twice`(behaviours: [RawServer.Behaviour]) async throws {
        let server = RawServer(behaviours)
        defer { server.stop() }
        try await onLoop { loop in
            // The second of two goes out over a connection that was used before: there curl tries again by itself.
            let outbox = OutboxTests.outbox(loop, PlainAdapter(apiBase: server.url))
            var last = Outbox.Delivery()
            for number in 1...behaviours.count {
                last = await outbox.send("\(number)", format: .plain, to: OutboxTests.address)
            }
            #expect(last.failure?.kind == .uncertain)
            #expect(server.requests.count == behaviours.count, "\(server.requests)")
        }
    }

    @Test func `what does no harm when done twice is tried again after a lost answer`() async throws {
        let edits = RawServer([.close, .answer])
        let sends = RawServer([.close, .answer])
        defer {
            edits.stop()
            sends.stop()
        }
        try await onLoop { loop in
            let editing = OutboxTests.outbox(loop, PlainAdapter(apiBase: edits.url))
            let kind = OutboundAction.Kind.edit(message: PlatformMessageID("m1"), text: "a", format: .plain)
            let edited = await editing.perform(kind, to: OutboxTests.address)
            #expect(edited == .delivered(PlatformMessageID("m1")) && edits.requests.count == 2)

            let capabilities = Capabilities(textLimit: .init(100, .utf8), hasIdempotentSends: true)
            let sending = OutboxTests.outbox(loop, PlainAdapter(apiBase: sends.url, capabilities: capabilities))
            let delivery = await sending.send("a", format: .plain, to: OutboxTests.address)
            #expect(delivery.failure == nil && sends.requests.count == 2)
            #expect(Set(sends.requests).count == 1)
        }
    }

    @Test func `a conversation keeps its pace, and others have their own`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        let rates = Capabilities.Rates(conversation: .init(burst: 2, interval: .milliseconds(200)))
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter(rates: rates)], agent: agent.agent)
            let start = ContinuousClock.now
            for number in 1...4 { #expect(engine.take(event("\(number)", "\(number)"))) }
            #expect(engine.take(event("5", in: "other", "5")))
            #expect(await engine.finish() == 0)
            let calls = platform.all.filter { $0.conversation == "c1" }
            #expect(calls.map(\.text) == (1...4).map { "Re: \($0)" })
            // From before the first was sent, since the platform may hear of it later than the pace counts it.
            #expect(start.duration(to: calls[2].at) >= .milliseconds(200))
            #expect(start.duration(to: calls[3].at) >= .milliseconds(400))
            #expect(platform.all.prefix(3).contains { $0.conversation == "other" })
        }
    }

    @Test func `a URL that cannot be read fails at once`() async throws {
        try await onLoop { loop in
            let outbox = OutboxTests.outbox(loop, PlainAdapter(apiBase: "gopher://nowhere"))
            let start = ContinuousClock.now
            let delivery = await outbox.send("a", format: .plain, to: OutboxTests.address)
            #expect(delivery.failure?.kind == .refused && start.duration(to: .now) < .seconds(10))
        }
    }
}
