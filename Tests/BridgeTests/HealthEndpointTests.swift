import BridgeCore
import EventLoop
import HTTPClient
import JSON
import Synchronization
import TestSupport
import Testing

@testable import Bridge

struct HealthEndpointTests {
    private func withDoor(
        _ parts: @escaping @Sendable (Engine) -> [HealthEndpoint.Part],
        _ body: @escaping @Sendable (Engine, FrontDoor) async throws -> Void
    ) async throws {
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [], agent: agent.agent)
            let door = try await FrontDoor(engine, parts: parts(engine))
            try await body(engine, door)
            await door.close()
        }
    }

    private static func fine(_ name: String, isHealthy: Bool = true, isRequired: Bool = true) -> HealthEndpoint.Part {
        HealthEndpoint.Part(name: name, isRequired: isRequired) {
            .init(isHealthy: isHealthy, detail: "as it is")
        }
    }

    @Test func `ready follows the parts that it depends on, and names all of them`() async throws {
        try await withDoor { engine in
            [
                HealthEndpoint.Part(name: "bridge", isRequired: true) {
                    let isAccepting = await engine.bridge.isAccepting
                    return .init(isHealthy: isAccepting, detail: isAccepting ? "taking messages" : "stopping")
                }, HealthEndpointTests.fine("redis", isHealthy: false, isRequired: false),
            ]
        } _: { engine, door in
            let ready = try await door.get("/ready")
            #expect(ready.status == 200 && ready.json["parts"]["redis"]["status"].string == "unavailable")
            #expect(ready.json["parts"]["bridge"]["detail"].string == "taking messages")
            let redis = try await door.get("/part/redis")
            #expect(redis.status == 503)
            let bridge = try await door.get("/part/bridge")
            #expect(bridge.status == 200)
            let nothing = try await door.get("/part/nothing")
            #expect(nothing.status == 404)
            #expect(await engine.finish() == 0)
            let stopping = try await door.get("/ready")
            #expect(stopping.status == 503 && stopping.json["status"].string == "unavailable")
            let health = try await door.get("/health")
            #expect(health.status == 200 && health.json["version"].string == "1.2.3")
        }
    }

    @Test func `a part that hangs is ill within the deadline, is asked once, and holds nobody else`() async throws {
        let gate = Gate()
        let counter = Counter()
        defer { gate.open() }
        try await withDoor { _ in
            [
                HealthEndpoint.Part(name: "hanging", isRequired: true) {
                    counter.count()
                    // Deaf to cancellation, as a blocking call in a library is.
                    await gate.pass()
                    return .init(isHealthy: true, detail: "back")
                },
                HealthEndpoint.Part(name: "slow", isRequired: true) {
                    await gate.pass()
                    return .init(isHealthy: true, detail: "back")
                }, HealthEndpointTests.fine("quick"),
            ]
        } _: { engine, door in
            let start = ContinuousClock.now
            let ready = engine.loop.spawn {
                do {
                    let reply = try await door.get("/ready")
                    #expect(reply.status == 503)
                    #expect(reply.json["parts"]["quick"]["status"].string == "ok")
                    #expect(reply.json["parts"]["hanging"]["detail"].string?.contains("no answer within") == true)
                } catch {
                    Issue.record(error)
                }
            }
            let health = try await door.get("/health")
            let untilHealth = start.duration(to: .now)
            #expect(health.status == 200)
            await ready.value
            let untilReady = start.duration(to: .now)
            // Two parts hang, and their deadlines run side by side: four seconds are too many.
            #expect(untilHealth < untilReady && untilReady < .milliseconds(3900))
            let again = try await door.get("/ready")
            #expect(again.status == 503)
            #expect(counter.value == 1)
            gate.open()
            let isBack = try await eventually { try await door.get("/ready").status == 200 }
            #expect(isBack)
        }
    }

    private final class Counter: Sendable {
        private let asked = Mutex(0)
        func count() { asked.withLock { $0 += 1 } }
        var value: Int { asked.withLock { $0 } }
    }
}
