import BridgeCore
import BridgeTesting
import EventLoop
import HTTPClient
import HTTPCore
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Bridge

/// A platform's API that is away or ill: nothing comes twice, nothing is tried for ever, and nobody else waits.
struct PlatformFaultTests {
    private static func outbox(_ loop: EventLoop, _ adapter: any Adapter, _ clock: SimulatedClock) -> Outbox {
        Outbox(
            loop: loop, adapter: adapter, rates: Capabilities.Rates(), client: HTTPClient(loop: loop),
            states: MemoryStates(), metrics: PlatformMetrics(Metrics(), platform: adapter.platform), log: .silent,
            clock: clock)
    }

    /// Sends one message; returns what came of it and the simulated time that it took.
    private static func send(to url: String, isIdempotent: Bool) async throws -> (DeliveryResult, Duration) {
        try await onLoop { loop in
            let clock = SimulatedClock(loop)
            let capabilities = Capabilities(textLimit: .init(100, .utf16), hasIdempotentSends: isIdempotent)
            let outbox = outbox(loop, PlainAdapter(apiBase: url, capabilities: capabilities), clock)
            let outcome = Mutex<DeliveryResult?>(nil)
            loop.spawn {
                let result = await outbox.perform(.send(text: "hi", format: .plain), to: ReplyAddress(event("1")))
                outcome.withLock { $0 = result }
            }
            // What the network does takes no time of this clock.
            try await clock.run(
                whileBusy: { !clock.isAwaited && outcome.withLock { $0 == nil } },
                until: { outcome.withLock { $0 != nil } })
            return (try #require(outcome.withLock { $0 }), clock.start.duration(to: clock.now()))
        }
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let behaviours: [RawServer.Behaviour]
        var isIdempotent = false
        /// How often the message reached the platform.
        let requests: Int
        /// nil: it was delivered.
        let failure: DeliveryFailure.Kind?
        var testDescription: String { name + (isIdempotent ? ", idempotent" : "") }
    }

    private static let unavailable = RawServer.Behaviour.raw(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    private static let gatewayTimeout = RawServer.Behaviour.raw(
        "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    private static let half = RawServer.Behaviour.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"mess")

    static let faults = [
        Fault(name: "the answer is lost", behaviours: [.close, .answer], requests: 1, failure: .uncertain),
        Fault(
            name: "the answer is lost", behaviours: [.close, .answer], isIdempotent: true, requests: 2, failure: nil),
        Fault(
            name: "every answer is lost", behaviours: [.close], isIdempotent: true, requests: 6, failure: .temporary),
        Fault(name: "half an answer", behaviours: [half, .answer], requests: 1, failure: .uncertain),
        Fault(name: "half an answer", behaviours: [half, .answer], isIdempotent: true, requests: 2, failure: nil),
        Fault(name: "no HTTP", behaviours: [.raw("220 smtp ready\r\n"), .answer], requests: 1, failure: .uncertain),
        Fault(name: "503 once", behaviours: [unavailable, .answer], requests: 2, failure: nil),
        Fault(name: "503 for ever", behaviours: [unavailable], requests: 6, failure: .temporary),
        Fault(name: "504", behaviours: [gatewayTimeout, .answer], requests: 1, failure: .uncertain),
        Fault(name: "504", behaviours: [gatewayTimeout, .answer], isIdempotent: true, requests: 2, failure: nil),
        Fault(name: "a refusal", behaviours: [.refuse("no"), .answer], requests: 1, failure: .refused),
    ]

    @Test(arguments: faults)
    func `a message reaches an ill platform as often as it may`(fault: Fault) async throws {
        let server = RawServer(fault.behaviours)
        defer { server.stop() }
        let (result, time) = try await Self.send(to: server.url, isIdempotent: fault.isIdempotent)
        switch result {
        case .failed(let failure): #expect(failure.kind == fault.failure, "\(failure)")
        default: #expect(fault.failure == nil, "\(result)")
        }
        #expect(server.requests.count == fault.requests)
        #expect(time <= .seconds(30))
        // Each try bears the same name.
        #expect(Set(server.requests).count <= 1)
    }

    @Test func `a platform that nobody answers for is waited for, and not for ever`() async throws {
        let (result, time) = try await Self.send(
            to: "http://127.0.0.1:\(TestEnvironment.freePort())", isIdempotent: false)
        guard case .failed(let failure) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(failure.kind == .temporary && time >= .seconds(60) && time <= .seconds(70))
    }

    @Test func `a handshake that fails is tried a few times, and sends nothing`() async throws {
        let server = RawServer([.answer], greeting: "HTTP/1.1 400 Bad Request\r\n\r\n")
        defer { server.stop() }
        let url = server.url.replacing("http:", with: "https:")
        let (result, time) = try await Self.send(to: url, isIdempotent: false)
        guard case .failed(let failure) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(failure.kind == .temporary && time <= .seconds(30) && server.requests == [])
    }

    @Test func `a name that nobody knows is tried a few times`() async throws {
        // A label of 64 characters is no name at all, which the resolver sees without asking anybody.
        let name = String(repeating: "a", count: 64) + ".example"
        let (result, time) = try await Self.send(to: "http://\(name)", isIdempotent: false)
        guard case .failed(let failure) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(failure.kind == .temporary && time <= .seconds(70))
    }

    @Test func `a conversation that the platform fails for holds up no other`() async throws {
        let server = try await FakePlatform { call, _ in
            call.conversation == "c0" ? FakePlatform.refusal("boom", status: 500) : nil
        }
        try await onLoop { loop in
            let clock = SimulatedClock(loop)
            let adapter = TimedAdapter(server.adapter(), clock: clock)
            let outbox = Self.outbox(loop, adapter, clock)
            let times = Mutex<[String: Duration]>([:])
            for name in ["c0", "c1", "c2"] {
                loop.spawn {
                    let address = ReplyAddress(event("1", in: name))
                    _ = await outbox.perform(.send(text: "hi", format: .plain), to: address)
                    let time = clock.start.duration(to: clock.now())
                    times.withLock { $0[name] = time }
                }
            }
            try await clock.run(whileBusy: { adapter.isWaiting }, until: { times.withLock { $0.count } == 3 })
            let waits = times.withLock { $0 }
            #expect(waits["c1"] == .zero && waits["c2"] == .zero)
            #expect(waits["c0"].map { $0 > .seconds(5) && $0 < .seconds(30) } == true)
            #expect(server.all.count { $0.conversation == "c0" } == 6 && server.all.count == 8)
        }
    }
}
