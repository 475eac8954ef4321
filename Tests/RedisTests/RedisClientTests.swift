import EventLoop
import Glibc
import Redis
import Synchronization
import Testing

/// Every test starts servers of its own.
@Suite(.enabled(if: RedisServer.program != nil, "needs redis-server on PATH or CHATBRIDGE_TEST_REDIS_SERVER"))
struct RedisClientTests {
    @Test func `values of every kind come back as they are`() throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            #expect(await client.state == .idle)
            let binary = (0..<1024).map { UInt8(truncatingIfNeeded: $0) }
            var set = RedisCommand("SET", "binary")
            set.append(binary)
            let ok = try await client.send(set)
            #expect(ok == .simple("OK") && ok.text == "OK")
            let kept = try await client.send(["GET", "binary"])
            #expect(kept == .bytes(binary))
            let missing = try await client.send(["GET", "missing"])
            #expect(missing.isNull && missing.text == nil && missing.integer == nil)
            let number = try await client.send(["INCRBY", "number", "-7"])
            #expect(number == .integer(-7))
            let spelled = try await client.send(["GET", "number"])
            #expect(spelled.integer == -7)
            let empty = try await client.send(["LRANGE", "none", "0", "-1"])
            #expect(empty == .array([]))
            let nested = try await client.send(["EVAL", "return {1,{'a',false},redis.error_reply('MY words')}", "0"])
            #expect(
                nested
                    == .array([
                        .integer(1), .array([.bytes([0x61]), .null]),
                        .error(RedisError(code: .server("MY"), message: "MY words")),
                    ]))
            #expect(await client.state == .connected)
        }
    }

    @Test func `a value of a mebibyte and one of nothing pass`() throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            let large = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            var set = RedisCommand("MSET", "large")
            set.append(large)
            set.append("empty")
            set.append([])
            try await client.send(set)
            let values = try await client.send(["MGET", "large", "empty"])
            #expect(values == .array([.bytes(large), .bytes([])]))
        }
    }

    @Test func `many values in one push keep their order`() throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            let jobs = (0..<500).map { number in Array(String(repeating: "\(number % 10)", count: 600).utf8) }
            let count = try await client.send(RedisCommand("LPUSH", arguments: [Array("jobs".utf8)] + jobs))
            #expect(count.integer == 500)
            let kept = try await client.send(["LRANGE", "jobs", "0", "-1"])
            #expect(kept.array?.compactMap(\.bytes) == jobs.reversed())
        }
    }

    @Test func `ten thousand commands in flight are answered in order`() throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            let right = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<10_000 {
                    group.addTask { (try? await client.send(["ECHO", "\(number)"]))?.integer == number }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(right == 10_000)
        }
    }

    @Test func `a pipeline answers each command in its place`() throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            let results = await client.pipeline([
                ["SET", "a", "1"], ["LPUSH", "a", "x"], ["INCR", "a"], ["GET", "a"],
            ])
            #expect(results.count == 4)
            #expect(results[0] == .success(.simple("OK")))
            if case .failure(let error) = results[1] {
                #expect(error.code == .server("WRONGTYPE"))
            } else {
                Issue.record("a push onto a string must fail")
            }
            #expect(results[2] == .success(.integer(2)))
            #expect(results[3] == .success(.bytes([0x32])))
            #expect(await client.pipeline([]).isEmpty)
        }
    }

    @Test func `a script is sent by its source once and by its hash from then on`() throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            let script = RedisScript(name: "join", source: "return KEYS[1] .. ':' .. ARGV[1] .. #ARGV")
            for _ in 0..<2 {
                let value = try await client.run(script, keys: ["k"], arguments: [Array("v".utf8), [0]])
                #expect(value.text == "k:v2")
            }
            let info = try await client.send(["INFO", "commandstats"]).text ?? ""
            #expect(info.contains("cmdstat_eval:calls=1,"))
            #expect(info.contains("cmdstat_evalsha:calls=2,"))
            try await client.send(["SCRIPT", "FLUSH"])
            let again = try await client.run(script, keys: ["k"], arguments: [[0x77]])
            #expect(again.text == "k:w1")
            do {
                try await client.run(RedisScript(name: "broken", source: "return redis.call('nonsense')"))
                Issue.record("the script must fail")
            } catch {
                #expect((error as? RedisError)?.message.contains("broken") == true)
            }
        }
    }

    @Test(arguments: [
        (RedisCommand("LPUSH", "text", "x"), "WRONGTYPE"), (RedisCommand("EVALSHA", "00", "0"), "NOSCRIPT"),
        (RedisCommand("NONSENSE"), "ERR"), (RedisCommand("SELECT", "99"), "ERR"),
        (RedisCommand("SET", "a", "b"), "OOM"),
    ])
    func `the server's refusal keeps its first word`(command: RedisCommand, word: String) throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            try await client.send(["SET", "text", "x"])
            if word == "OOM" { try await client.send(["CONFIG", "SET", "maxmemory", "1"]) }
            let error = await failure(of: client, command)
            #expect(error?.code == .server(word))
            #expect(error?.mayHaveBeenExecuted == false)
            try await client.ping()
        }
    }

    @Test func `a blocking command waits on a client of its own`() throws {
        let server = try RedisServer()
        let configuration = try RedisConfiguration(url: server.url)
        let loop = try EventLoop()
        try loop.run {
            let waiter = RedisClient(loop: loop, configuration: configuration)
            let sender = RedisClient(loop: loop, configuration: configuration)
            async let moved = waiter.send(["BLMOVE", "from", "to", "RIGHT", "LEFT", "10"], timeout: .seconds(15))
            // Pushed only once the other one is known to wait.
            var isBlocked = false
            for _ in 0..<2000 where !isBlocked {
                let text = try await sender.send(["INFO", "clients"]).text ?? ""
                isBlocked = text.contains("blocked_clients:1")
                if !isBlocked { try await loop.sleep(for: .milliseconds(5)) }
            }
            #expect(isBlocked)
            try await sender.send(["LPUSH", "from", "job"])
            let job = try await moved
            #expect(job.text == "job")
            let nothing = try await waiter.send(
                ["BLMOVE", "from", "to", "RIGHT", "LEFT", "0.1"], timeout: .seconds(15))
            #expect(nothing.isNull)
            await waiter.shutdown()
            await sender.shutdown()
        }
        withExtendedLifetime(server) {}
    }

    @Test func `a cancelled command ends at once and does not disturb the order`() throws {
        let server = try RedisServer()
        try withRedis(try RedisConfiguration(url: server.url), on: server) { client in
            try await client.ping()
            let code = Mutex<RedisError.Code?>(nil)
            let task = client.loop.spawn {
                let error = await failure(of: client, ["BLPOP", "nothing", "0.3"])
                code.withLock { $0 = error?.code }
            }
            try await client.loop.sleep(for: .milliseconds(20))
            async let after = client.send(["ECHO", "after"])
            task.cancel()
            await task.value
            #expect(code.withLock { $0 } == .cancelled)
            let text = try await after.text
            #expect(text == "after")
        }
    }

    @Test func `what waits is bounded`() throws {
        let server = try RedisServer()
        var configuration = try RedisConfiguration(url: server.url)
        configuration.maxOutstandingBytes = 10_000
        configuration.maxOutstandingCommands = 50
        try withRedis(configuration, on: server) { client in
            try await client.ping()
            let counts = await client.pipeline(Array(repeating: ["PING"], count: 60))
            let refused = counts.compactMap { result -> RedisError? in
                if case .failure(let error) = result { error } else { nil }
            }
            #expect(refused.count == 10)
            #expect(refused.allSatisfy { $0.code == .overloaded && !$0.mayHaveBeenExecuted })
            var big = RedisCommand("ECHO")
            big.append([UInt8](repeating: 0x61, count: 9_000))
            let bytes = await client.pipeline([big, big])
            #expect(throws: Never.self) { try bytes[0].get() }
            #expect(throws: RedisError.self) { try bytes[1].get() }
            // Alone, a command may be over the limit.
            var huge = RedisCommand("ECHO")
            huge.append([UInt8](repeating: 0x61, count: 100_000))
            let echo = try await client.send(huge)
            #expect(echo.bytes?.count == 100_000)
        }
    }
}
