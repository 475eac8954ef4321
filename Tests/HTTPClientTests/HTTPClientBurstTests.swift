import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import Synchronization
import Testing

/// A server that answers nobody before a number of requests wait, and counts the connections that end.
private final class BurstServer: Sendable {
    let closed = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)
    private let server = Mutex<ScriptedServer?>(nil)
    private let size: Int

    init(size: Int) {
        self.size = size
        let made = ScriptedServer { [self] connection in
            while connection.request() != nil {
                let (number, _) = waiting.add(1, ordering: .relaxed)
                let goal = (number / size + 1) * size
                for _ in 0..<6000 where waiting.load(ordering: .relaxed) < goal { usleep(5_000) }
                connection.answer("ok")
            }
            closed.add(1, ordering: .relaxed)
        }
        server.withLock { $0 = made }
    }

    var accepted: Int { server.withLock { $0?.accepted.load(ordering: .relaxed) ?? 0 } }
    var url: String { server.withLock { $0?.url() ?? "" } }
    func stop() { server.withLock { $0?.stop() } }

    /// Sends a burst.
    ///
    /// - Returns: the count of good answers.
    func burst(_ client: HTTPClient) async -> Int {
        let url = url
        return await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<size {
                group.addTask { (try? await client.send(HTTPClientRequest(url: url)))?.status == .ok }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
    }
}

@Suite struct HTTPClientBurstTests {
    @Test func `bursts of transfers to one server use the connections of the first one`() throws {
        let server = BurstServer(size: 300)
        defer { server.stop() }
        try withClient { client in
            for _ in 0..<4 {
                #expect(await server.burst(client) == 300)
                #expect(server.accepted == 300)
            }
        }
    }

    @Test func `what only a burst needed is closed after a while, and the next burst opens it again`() throws {
        let server = BurstServer(size: 300)
        defer { server.stop() }
        try withClient(HTTPClientConfiguration(burstMemory: .milliseconds(100))) { client in
            #expect(await server.burst(client) == 300)
            for _ in 0..<6000 where server.closed.load(ordering: .relaxed) == 0 {
                try await client.loop.sleep(for: .milliseconds(5))
            }
            let closed = server.closed.load(ordering: .relaxed)
            #expect(closed > 0 && closed < 300, "some stay for the next transfers")
            #expect(await server.burst(client) == 300)
            #expect(server.accepted > 300)
        }
    }

    @Test func `servers with many transfers do not take each other's connections`() throws {
        let servers = [BurstServer(size: 150), BurstServer(size: 150)]
        defer { for server in servers { server.stop() } }
        try withClient { client in
            for _ in 0..<3 {
                async let one = servers[0].burst(client)
                async let other = servers[1].burst(client)
                #expect(await [one, other] == [150, 150])
            }
        }
        #expect(servers.map(\.accepted) == [150, 150])
    }

    @Test func `a transfer of a burst can be cancelled, and its end makes room for another`() throws {
        let waiting = Atomic<Int>(0)
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() {
                if head.hasPrefix("GET /slow") {
                    waiting.add(1, ordering: .relaxed)
                    _ = connection.waitForClose()
                    return
                }
                connection.answer("ok")
            }
        }
        defer { server.stop() }
        try withClient { client in
            let url = server.url("/slow")
            let tasks = (0..<200).map { _ in
                Task { await failure(of: client, HTTPClientRequest(url: url)) }
            }
            for _ in 0..<6000 where waiting.load(ordering: .relaxed) < 200 {
                try await client.loop.sleep(for: .milliseconds(5))
            }
            for task in tasks { task.cancel() }
            for task in tasks { #expect(await task.value?.code == .cancelled) }
            for _ in 0..<3 {
                #expect(try await client.send(HTTPClientRequest(url: server.url("/fast"))).status == .ok)
            }
        }
        #expect(server.accepted.load(ordering: .relaxed) == 201)
    }
}
