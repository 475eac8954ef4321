import BridgeCore
import BridgeTesting
import HTTPCore
import HTTPServer
import Synchronization
import TestSupport
import Testing

@testable import Bridge

struct KeyedReceptionTests {
    /// A platform whose keys are these; each fetch takes the first, and the last stays.
    private static func platform(_ keys: [String]) async throws -> RecordingServer {
        let number = Counter()
        return try await RecordingServer { request in
            guard request.path == "/keys" else { return .json(Array(#"{"message":"m"}"#.utf8)) }
            let index = number.next()
            let key = keys[min(index, keys.count - 1)]
            return key.isEmpty ? .text("", status: .internalServerError) : .text(key)
        }
    }

    private final class Counter: Sendable {
        private let value = Atomic(0)
        func next() -> Int { value.add(1, ordering: .relaxed).oldValue }
    }

    private static func post(_ id: String, key: String, to door: FrontDoor) async throws -> Int {
        try await door.post(
            "/webhooks/plain", #"{"id":"\#(id)","conversation":"c","text":"hi"}"#,
            headers: ["X-Plain-Token": "plain-token", "X-Key": key]
        ).status
    }

    private static func withDoor(
        keys: [String], _ body: @escaping @Sendable (Engine, FrontDoor, RecordingServer) async throws -> Void
    ) async throws {
        let platform = try await platform(keys)
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let adapter = KeyedAdapter(plain: PlainAdapter(apiBase: platform.url))
            let engine = Engine(loop, adapters: [adapter], agent: agent.agent)
            let door = try await FrontDoor(engine)
            try await body(engine, door, platform)
            await door.close()
        }
    }

    private static func fetches(_ platform: RecordingServer) -> Int {
        platform.requests.count { $0.path == "/keys" }
    }

    @Test func `the first webhook has the keys fetched, and no later one`() async throws {
        try await Self.withDoor(keys: ["k1"]) { engine, door, platform in
            for id in ["1", "2", "3"] {
                let status = try await Self.post(id, key: "k1", to: door)
                #expect(status == 200)
            }
            #expect(Self.fetches(platform) == 1)
            #expect(await engine.finish() == 0)
            let story = try await engine.story()
            #expect(story.count { $0 == "out Re: hi" } == 3)
        }
    }

    @Test func `an unknown key is looked for once, and forged ones do not have the platform asked again`() async throws
    {
        try await Self.withDoor(keys: ["k1", "k2"]) { _, door, platform in
            for _ in 0..<5 {
                let status = try await Self.post("1", key: "forged", to: door)
                #expect(status == 401)
            }
            #expect(Self.fetches(platform) == 1)
            let status = try await Self.post("1", key: "k1", to: door)
            #expect(status == 200)
        }
    }

    @Test func `while the keys cannot be had the platform is told to come back`() async throws {
        try await Self.withDoor(keys: [""]) { _, door, _ in
            let status = try await Self.post("1", key: "k1", to: door)
            #expect(status == 503)
        }
    }
}
