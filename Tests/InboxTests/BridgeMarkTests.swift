import BridgeCore
import EventLoop
import Glibc
import Redis
import TestSupport
import Testing

@testable import Inbox

struct BridgeMarkTests {
    /// Stands for an inbox.
    private final class Writer {}

    private static func folder() throws -> String {
        var template = Array("/tmp/chatbridge-mark-XXXXXX".utf8CString)
        return String(cString: try #require(mkdtemp(&template)))
    }

    @Test func `one process has the mark, and the next reads what the last one wrote`() throws {
        let folder = try BridgeMarkTests.folder() + "/new"
        var first = BridgeMark(directory: folder)
        #expect(first?.predecessors == [])
        #expect(BridgeMark(directory: folder) == nil)
        let (one, other) = (Writer(), Writer())
        first?.write(["host-1", "host-2"], for: one)
        first?.write(["host-5"], for: other)
        first?.write(["host-3", "host-4"], for: one)
        first = nil
        var second = BridgeMark(directory: folder)
        // Those of each loop of the process.
        #expect(second?.predecessors == ["host-3", "host-4", "host-5"])
        second?.write(["x"], for: one)
        second = nil
        #expect(BridgeMark(directory: folder)?.predecessors == ["x"])
        #expect(BridgeMark(directory: "/proc/no/such/folder") == nil)
    }

    @Test(.enabled(if: TestEnvironment.redisURL != nil))
    func `what the last process of the folder held is taken over at once, however long its lease`() async throws {
        let folder = try BridgeMarkTests.folder()
        try await onLoop { loop in
            let redis = try RedisFixture.shared(loop)
            let first = try redis.makeBridge(
                lease: .seconds(600), grace: nil, mark: BridgeMark(directory: folder))
            await first.start(Received().receiver)
            #expect(try await first.claim(event("1", lane: "test:c")) == .taken)
            let id = await first.bridge
            await first.die()
            // The lock lives on with the actor: another folder stands for that of a process that has ended.
            let next = try BridgeMarkTests.folder()
            BridgeMark(directory: next)?.write([id], for: first)
            let received = Received()
            let second = try redis.makeBridge(
                lease: .seconds(600), grace: nil, mark: BridgeMark(directory: next))
            await second.start(received.receiver)
            #expect(received.deliveries.map(\.attempts) == [1])
            #expect(try await second.claim(event("1", lane: "test:c")) == .duplicate)
            #expect(try await second.claim(event("2", lane: "test:c")) == .taken)
            // What the dead one still does is void.
            #expect(try await !first.begin(received.deliveries.map(\.reference), progress: nil))
            await second.retire()
            // Its own name is what the next one reads.
            let mark = String(decoding: try #require(TestEnvironment.read(next + "/bridge.lock")), as: UTF8.self)
            #expect(mark == "\(await second.bridge)\n")
            try await redis.clear()
        }
    }
}
