import EventLoop
import Glibc
import Redis
import Testing

@Suite(.enabled(if: RedisServer.program != nil, "needs redis-server on PATH or CHATBRIDGE_TEST_REDIS_SERVER"))
struct RedisConnectingTests {
    @Test func `user, password, database and name are taken from the URL`() throws {
        let server = try RedisServer()
        let plain = try RedisConfiguration(url: server.url)
        try withRedis(plain, on: server) { client in
            try await client.send(["ACL", "SETUSER", "bridge", "on", ">p@ss:w/rd", "~*", "+@all"])
            try await client.send(["CONFIG", "SET", "requirepass", "main secret"])
        }
        let urls = [
            "redis://bridge:p%40ss%3Aw%2Frd@127.0.0.1:\(server.port)/3",
            "redis://:main%20secret@localhost:\(server.port)/3",
            "redis://default:main%20secret@127.0.0.1:\(server.port)?db=3",
        ]
        for url in urls {
            try withRedis(try RedisConfiguration(url: url), on: server) { client in
                let info = try await client.send(["CLIENT", "INFO"]).text ?? ""
                #expect(info.contains(" db=3 ") && info.contains(" name=chatbridge "), "\(info)")
                #expect(info.contains(url.contains("bridge:") ? "user=bridge" : "user=default"))
            }
        }
        var unix = try RedisConfiguration(url: "unix:\(server.socketPath)?db=2")
        unix.password = "main secret"
        try withRedis(unix, on: server) { client in
            let info = try await client.send(["CLIENT", "INFO"]).text ?? ""
            #expect(info.contains(" db=2 ") && info.contains("redis.sock"))
        }
    }

    @Test(arguments: [("", "NOAUTH"), (":wrong-password@", "WRONGPASS"), ("nobody:wrong-password@", "WRONGPASS")])
    func `a server that does not let us in says why`(credentials: String, word: String) throws {
        let server = try RedisServer(["--requirepass", "secret"])
        try withRedis(try RedisConfiguration(url: "redis://\(credentials)127.0.0.1:\(server.port)"), on: server) {
            client in
            let error = await failure(of: client, ["GET", "a"])
            #expect(error?.code == .server(word))
            #expect(error?.message.contains("wrong-password") == false)
            #expect(error?.mayHaveBeenExecuted == false)
        }
    }

    @Test func `TLS works with a trusted certificate and is refused without`() throws {
        let server = try RedisServer(usesTLS: true)
        var configuration = try RedisConfiguration(url: "rediss://127.0.0.1:\(server.port)")
        try withRedis(configuration, on: server) { client in
            let error = await failure(of: client, ["PING"])
            #expect(error?.message.contains("TLS") == true && error?.mayHaveBeenExecuted == false)
        }
        configuration.trustedCertificatesFile = server.certificate
        try withRedis(configuration, on: server) { client in
            let large = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
            var set = RedisCommand("SET", "large")
            set.append(large)
            try await client.send(set)
            let kept = try await client.send(["GET", "large"])
            #expect(kept.bytes == large)
            let right = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<1000 {
                    group.addTask { (try? await client.send(["ECHO", "\(number)"]))?.integer == number }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(right == 1000)
        }
        // Another host than the certificate's: 127.0.0.1 alone stands in it.
        configuration.endpoint = .tcp(host: "localhost", port: Int(server.port))
        try withRedis(configuration, on: server) { client in
            let error = await failure(of: client, ["PING"])
            #expect(error != nil && error?.mayHaveBeenExecuted == false)
        }
    }

    @Test(arguments: ["redis://127.0.0.1:1", "redis://no-such-host.invalid", "unix:/nonexistent/redis.sock"])
    func `a server that is not there fails the command, which was never sent`(url: String) throws {
        try withRedis(try RedisConfiguration(url: url)) { client in
            let first = await failure(of: client, ["PING"])
            #expect(first?.code == .notConnected && first?.mayHaveBeenExecuted == false)
            let second = await failure(of: client, ["PING"])
            #expect(second?.code == .notConnected)
        }
    }

    @Test func `commands in flight when the server dies are unanswered, and a new server is found`() throws {
        let server = try RedisServer()
        let configuration = try RedisConfiguration(url: server.url)
        let loop = try EventLoop()
        let client = try loop.run { () -> RedisClient in
            let client = RedisClient(loop: loop, configuration: configuration)
            try await client.ping()
            return client
        }
        // Stopped first, so that the commands surely are in flight when it dies.
        server.signal(SIGSTOP)
        try loop.run {
            async let first = failure(of: client, ["INCR", "a"])
            async let second = failure(of: client, ["INCR", "b"])
            try await loop.sleep(for: .milliseconds(50))
            server.stop()
            let errors = [await first, await second]
            for error in errors {
                #expect(error?.code == .unanswered)
                #expect(error?.mayHaveBeenExecuted == true)
            }
            let later = await failure(of: client, ["INCR", "c"])
            #expect(later?.code == .notConnected && later?.mayHaveBeenExecuted == false)
        }
        try server.start()
        try loop.run {
            #expect(try await wait(for: client) { $0 == .connected })
            let value = try await client.send(["INCR", "a"])
            #expect(value == .integer(1))
            await client.shutdown()
        }
        withExtendedLifetime(server) {}
    }

    @Test func `commands wait for a server that comes back when they are told to`() throws {
        let server = try RedisServer()
        var configuration = try RedisConfiguration(url: server.url)
        configuration.connectionWait = .seconds(20)
        configuration.commandTimeout = .seconds(30)
        let loop = try EventLoop()
        let client = RedisClient(loop: loop, configuration: configuration)
        try loop.run { try await client.ping() }
        server.stop()
        try loop.run {
            #expect(
                try await wait(for: client) { state in
                    if case .disconnected = state { true } else { false }
                })
            async let value = client.send(["INCR", "a"])
            // The loop goes on turning while this waits for the port.
            try server.start()
            let number = try await value
            #expect(number == .integer(1))
            await client.shutdown()
        }
        withExtendedLifetime(server) {}
    }

    @Test func `a server that hangs costs the time allowed and is found again when it goes on`() throws {
        let server = try RedisServer()
        var configuration = try RedisConfiguration(url: server.url)
        configuration.commandTimeout = .milliseconds(200)
        configuration.connectTimeout = .milliseconds(300)
        configuration.maxOutstandingBytes = 1 << 20
        try withRedis(configuration, on: server) { client in
            try await client.ping(timeout: .seconds(30))
            server.signal(SIGSTOP)
            let error = await failure(of: client, ["INCR", "a"])
            #expect(error?.code == .unanswered && error?.mayHaveBeenExecuted == true)
            // The kernel still takes connections for it: the greeting is what stays unanswered.
            var value = RedisCommand("SET", "x")
            value.append([UInt8](repeating: 0x61, count: 64 << 10))
            var refused = 0
            for _ in 0..<200 { if await failure(of: client, value) != nil { refused += 1 } }
            #expect(refused == 200)
            server.signal(SIGCONT)
            #expect(try await wait(for: client) { $0 == .connected })
            try await client.ping(timeout: .seconds(30))
        }
    }

    @Test func `the states are told as they change`() throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            var states = await client.states().makeAsyncIterator()
            let idle = await states.next()
            await client.connect()
            let connecting = await states.next()
            let connected = await states.next()
            #expect([idle, connecting, connected] == [.idle, .connecting, .connected])
            server.stop()
            let lost = await states.next()
            if case .disconnected = lost {
            } else {
                Issue.record("expected a lost connection, got \(String(describing: lost))")
            }
            await client.shutdown()
            var last = lost
            while let state = await states.next() { last = state }
            #expect(last == .closed)
        }
    }

    @Test func `shutdown ends what waits`() throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            try await client.ping()
            async let waiting = failure(of: client, ["BLPOP", "nothing", "5"], timeout: .seconds(10))
            try await client.loop.sleep(for: .milliseconds(50))
            await client.shutdown()
            #expect(await waiting?.code == .unanswered)
            let later = await failure(of: client, ["PING"])
            #expect(later?.code == .notConnected)
        }
    }
}
