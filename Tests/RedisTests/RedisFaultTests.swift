import EventLoop
import Glibc
import Redis
import TestSupport
import Testing

/// What the wire and the server's role do to a client.
@Suite(.enabled(if: RedisServer.program != nil)) struct RedisFaultTests {
    private static func configuration(_ proxy: FaultProxy) throws -> RedisConfiguration {
        var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(proxy.port)")
        configuration.minBackoff = .milliseconds(5)
        return configuration
    }

    @Test func `a reply that comes byte by byte is whole in the end`() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(to: Int(server.port))
        try withRedis(try Self.configuration(proxy), on: server) { client in
            try await client.send(["RPUSH", "list", "one", "two", "three"])
            proxy.set(.trickle(bytes: 1, every: .milliseconds(1)))
            proxy.set(.trickle(bytes: 3, every: .milliseconds(1)), on: .requests)
            let reply = try await client.send(["LRANGE", "list", "0", "-1"], timeout: .seconds(30))
            #expect(reply.array?.compactMap(\.text) == ["one", "two", "three"])
            proxy.set(.delay(.milliseconds(50)))
            #expect(try await client.send(["LLEN", "list"], timeout: .seconds(30)).integer == 3)
        }
    }

    @Test func `half a reply and then the end leaves the command in doubt, and the next connection is clean`() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(to: Int(server.port))
        try withRedis(try Self.configuration(proxy), on: server) { client in
            try await client.ping()
            proxy.set(.cut(after: 1))
            let error = await failure(of: client, ["INCR", "n"])
            #expect(error?.code == .unanswered && error?.mayHaveBeenExecuted == true)
            #expect(try await wait(for: client) { $0 == .connected })
            #expect(try await client.send(["INCR", "n"]).integer == 2)
        }
    }

    @Test func `garbage for a reply ends the connection, and the next one is clean`() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(to: Int(server.port))
        try withRedis(try Self.configuration(proxy), on: server) { client in
            try await client.ping()
            proxy.set(.replace(with: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)))
            let error = await failure(of: client, ["INCR", "n"])
            #expect(error?.code == .protocol && error?.mayHaveBeenExecuted == true)
            #expect(try await wait(for: client) { $0 == .connected })
            #expect(try await client.send(["INCR", "n"]).integer == 2)
        }
    }

    @Test func `a proxy that resets connections, and one that swallows everything, are a server that is away`() throws {
        let server = try RedisServer()
        let proxy = try FaultProxy(to: Int(server.port))
        var configuration = try Self.configuration(proxy)
        configuration.connectTimeout = .milliseconds(300)
        try withRedis(configuration, on: server) { client in
            try await client.ping(timeout: .seconds(30))
            proxy.refuse(true)
            proxy.cutAll()
            #expect(try await wait(for: client) { if case .disconnected = $0 { true } else { false } })
            #expect(await failure(of: client, ["INCR", "n"])?.mayHaveBeenExecuted == false)
            proxy.set(.swallow, on: .requests)
            proxy.refuse(false)
            let before = proxy.accepted
            // Connections are made, and none is greeted.
            #expect(await eventually { proxy.accepted > before + 1 })
            #expect(await failure(of: client, ["INCR", "n"])?.mayHaveBeenExecuted == false)
            proxy.set(.none, on: .requests)
            #expect(try await wait(for: client) { $0 == .connected })
            #expect(try await client.send(["INCR", "n"], timeout: .seconds(30)).integer == 1)
        }
    }

    @Test func `a server that became a replica is left, and the new master is found behind the same name`() throws {
        let old = try RedisServer()
        let new = try RedisServer(["--replicaof", "127.0.0.1 \(old.port)", "--repl-diskless-sync-delay", "0"])
        let proxy = try FaultProxy(to: Int(old.port))
        try withRedis(try Self.configuration(proxy), on: old) { client in
            try await client.send(["INCR", "n"], timeout: .seconds(30))
            let replica = RedisClient(
                loop: client.loop, configuration: try RedisConfiguration(url: new.url))
            #expect(await eventually { (try? await replica.send(["GET", "n"]).text) == "1" })
            // As Sentinel does: the replica is promoted, the name moved, the old master told whom to follow.
            try await replica.send(["REPLICAOF", "NO", "ONE"], timeout: .seconds(30))
            proxy.redirect(to: Int(new.port))
            let direct = RedisClient(loop: client.loop, configuration: try RedisConfiguration(url: old.url))
            try await direct.send(["REPLICAOF", "127.0.0.1", "\(new.port)"], timeout: .seconds(30))
            var value: RedisValue?
            var refusals = 0
            while value == nil, refusals < 5000 {
                value = try? await client.send(["INCR", "n"])
                if value == nil {
                    refusals += 1
                    try await client.loop.sleep(for: .milliseconds(2))
                }
            }
            // Before: the connection to the old one stays for ever, and each write is refused.
            #expect(value?.integer == 2)
            #expect(refusals > 0)
            await replica.shutdown()
            await direct.shutdown()
        }
        withExtendedLifetime(new) {}
    }

    @Test func `where nobody is the master, connections are made less and less often`() throws {
        let server = try RedisServer(["--replicaof", "127.0.0.1 1"])
        let proxy = try FaultProxy(to: Int(server.port))
        try withRedis(try Self.configuration(proxy), on: server) { client in
            let end = ContinuousClock.now + .seconds(1)
            var refused = 0
            while ContinuousClock.now < end {
                if await failure(of: client, ["INCR", "n"]) != nil { refused += 1 }
                try await client.loop.sleep(for: .milliseconds(1))
            }
            #expect(refused > 0)
            // Doubling from 5 ms, halved by chance at most: 2.5, 5, 10 … reach a second at the tenth.
            #expect(proxy.accepted <= 12)
        }
    }
}
