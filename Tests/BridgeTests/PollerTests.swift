import BridgeCore
import BridgeTesting
import EventLoop
import Glibc
import HTTPCore
import HTTPServer
import JSON
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Bridge

struct PollerTests {
    /// A cursor in memory, which notes what had happened when it was stored.
    private final class MemoryCursors: StateStore {
        struct Entry: Sendable {
            let cursor: String
            let eventsTaken: Int
        }

        private let entries = Mutex<[Entry]>([])
        private let eventsTaken: @Sendable () -> Int

        init(_ eventsTaken: @escaping @Sendable () -> Int) { self.eventsTaken = eventsTaken }

        func value(of name: String) -> String? { entries.withLock { $0.last?.cursor } }

        func store(_ cursor: String, of name: String) {
            let taken = eventsTaken()
            entries.withLock { $0.append(Entry(cursor: cursor, eventsTaken: taken)) }
        }

        var all: [Entry] { entries.withLock { $0 } }
    }

    /// A platform that holds messages 1 to `count`, two a poll, and then keeps polls open until they are given up.
    private final class Platform: Sendable {
        struct Poll: Sendable {
            let at: ContinuousClock.Instant
            let after: String
        }

        let server: RecordingServer
        private let polls: PollList

        private final class PollList: Sendable {
            let list = Mutex<[Poll]>([])
        }

        var all: [Poll] { polls.list.withLock { $0 } }

        init(_ count: Int, _ script: @escaping @Sendable (Int) -> HTTPResponse? = { _ in nil }) async throws {
            let polls = PollList()
            server = try await RecordingServer { request in
                guard request.path == "/events" else { return .json(Array(#"{"message":"m"}"#.utf8)) }
                let after = request.queryValue("after") ?? ""
                let number = polls.list.withLock { list in
                    list.append(Poll(at: .now, after: after))
                    return list.count - 1
                }
                if let response = script(number) { return response }
                let first = (Int(after) ?? 0) + 1
                let last = min(first + 1, count)
                guard first <= last else {
                    try? await Task.sleep(for: .seconds(60))
                    return .json(Array(#"{"events":[]}"#.utf8))
                }
                let events = (first...last).map { #"{"id":"\#($0)","conversation":"c","text":"\#($0)"}"# }
                return .json(
                    Array(#"{"events":[\#(events.joined(separator: ","))],"cursor":"\#(last)"}"#.utf8))
            }
            self.polls = polls
        }

        var adapter: PlainPollingAdapter { PlainPollingAdapter(PlainAdapter(apiBase: server.url)) }
    }

    private func withPoller(
        _ platform: Platform, agent: FakeAgent,
        configure: @escaping @Sendable (inout BridgeConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (Engine, MemoryCursors) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter], agent: agent.agent, configure: configure)
            let cursors = MemoryCursors { engine.metric("chatbridge_events_total") }
            let task = PollerTests.start(platform, engine, cursors)
            try await body(engine, cursors)
            task.cancel()
            await task.value
        }
    }

    private static func start(_ platform: Platform, _ engine: Engine, _ states: MemoryCursors) -> Task<Void, Never> {
        let poller = Poller(
            adapter: platform.adapter, bridge: engine.bridge, client: engine.client, states: states,
            log: Log(minimum: .debug, format: .json, write: engine.logged.write))
        return engine.loop.spawn { await poller.run() }
    }

    @Test func `messages are fetched in order, and the cursor moves on once they are taken`() async throws {
        let platform = try await Platform(5)
        let agent = try await FakeAgent()
        try await withPoller(platform, agent: agent) { engine, cursors in
            #expect(await eventually { agent.all.count == 5 && platform.all.count == 4 })
            #expect(agent.all.map(\.text) == (1...5).map { "\($0)" })
            #expect(platform.all.map(\.after) == ["", "2", "4", "5"])
            #expect(cursors.all.map(\.cursor) == ["2", "4", "5"])
            #expect(cursors.all.map(\.eventsTaken) == [2, 4, 5])
        }
    }

    @Test func `a full engine is waited for, with the cursor where it was`() async throws {
        let platform = try await Platform(2)
        let gate = Gate()
        let agent = try await FakeAgent { question in
            await gate.pass()
            return .says("Re: \(question.text)")
        }
        try await withPoller(platform, agent: agent, configure: { $0.maxInFlight = 1 }) { engine, cursors in
            #expect(await eventually { engine.metric("chatbridge_webhooks_overloaded_total") >= 2 })
            #expect(cursors.all.isEmpty && platform.all.count == 1)
            gate.open()
            #expect(await eventually { cursors.all.map(\.eventsTaken) == [2] })
        }
    }

    @Test func `a restart goes on where it stopped`() async throws {
        let platform = try await Platform(4)
        let agent = try await FakeAgent()
        try await withPoller(platform, agent: agent) { engine, cursors in
            #expect(await eventually { platform.all.last?.after == "4" })
            let count = platform.all.count
            let again = PollerTests.start(platform, engine, cursors)
            #expect(await eventually { platform.all.count == count + 1 })
            #expect(platform.all.last?.after == "4")
            again.cancel()
            await again.value
            #expect(engine.logged.all.allSatisfy { !$0.contains("polling failed") })
        }
    }

    @Test func `polls that fail are made again, after longer and longer pauses`() async throws {
        let platform = try await Platform(1) { number in
            switch number {
            case 0: FakePlatform.refusal("down", status: 500)
            case 1: .text("<html>")
            case 2: FakePlatform.tooFast(after: 0.4)
            default: nil
            }
        }
        let agent = try await FakeAgent()
        try await withPoller(platform, agent: agent) { engine, cursors in
            #expect(await eventually { agent.all.count == 1 })
            let times = platform.all.map(\.at)
            #expect(times[0].duration(to: times[1]) >= .milliseconds(950))
            #expect(times[1].duration(to: times[2]) >= .milliseconds(1950))
            #expect(times[2].duration(to: times[3]) >= .milliseconds(390))
            #expect(engine.logged.all.filter { $0.contains("polling failed") }.count == 3)
        }
    }

    @Test func `a platform that answers at once with nothing is not asked in a circle`() async throws {
        let platform = try await Platform(0) { number in
            number < 3 ? .json(Array(#"{"events":[]}"#.utf8)) : nil
        }
        let agent = try await FakeAgent()
        try await withPoller(platform, agent: agent) { _, _ in
            #expect(await eventually { platform.all.count >= 3 })
            #expect(platform.all[0].at.duration(to: platform.all[2].at) >= .milliseconds(1900))
        }
    }
}

struct FileStateStoreTests {
    private let folder = TemporaryFolder()
    private let plain = PlatformName("plain")

    @Test func `a cursor outlives its store, and each platform has its own`() async throws {
        let path = folder.path("made/when needed")
        mkdir(folder.path("made"), 0o700)
        let store = FileStateStore(directory: path)
        #expect(try await store.value(of: "plain.cursor") == nil)
        try await store.store("17", of: "plain.cursor")
        try await store.store("18", of: "plain.cursor")
        try await store.store("5", of: "other.cursor")
        let again = FileStateStore(directory: path)
        #expect(try await again.value(of: "plain.cursor") == "18")
        #expect(try await again.value(of: "other.cursor") == "5")
        #expect(TestEnvironment.files(in: path) == ["other.cursor", "plain.cursor"])
    }

    @Test func `what a crash leaves half written is not read`() async throws {
        let store = FileStateStore(directory: folder.path)
        try await store.store("17", of: "plain.cursor")
        let file = try #require(fopen(folder.path("plain.cursor.new"), "w"))
        fputs("9999", file)
        fclose(file)
        #expect(try await store.value(of: "plain.cursor") == "17")
        try await store.store("18", of: "plain.cursor")
        #expect(try await store.value(of: "plain.cursor") == "18")
    }

    @Test func `a folder that cannot be written to is named in the error`() async throws {
        let store = FileStateStore(directory: "/proc/nowhere")
        let error = await #expect(throws: FileStateStore.Failure.self) {
            try await store.store("1", of: "plain.cursor")
        }
        #expect(error?.description.contains("/proc/nowhere/plain.cursor") == true)
    }
}
