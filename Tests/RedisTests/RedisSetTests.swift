import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Redis

/// Masters that sentinels name, and clusters, as they are when a server dies or its keys go elsewhere.
@Suite(.enabled(if: RedisSet.isAvailable, "needs redis-server and redis-cli"))
struct RedisSetTests {
    /// Sends until it succeeds; the errors before that.
    private func insist(_ client: RedisClient, on command: RedisCommand) async throws -> [RedisError] {
        var errors: [RedisError] = []
        let end = ContinuousClock.now + .seconds(40)
        while true {
            do {
                try await client.send(command, timeout: .seconds(2))
                return errors
            } catch {
                guard ContinuousClock.now < end else { throw error }
                errors.append(error)
                try await client.loop.sleep(for: .milliseconds(50))
            }
        }
    }

    @Test func `a master that sentinels name is found, and its successor after its death`() throws {
        let set = try RedisSet.sentinel()
        try set.awaitSentinels()
        try withRedis(try RedisConfiguration(url: set.url), on: set) { client in
            try await client.send(["SET", "a", "1"])
            #expect(try await client.send(["CONFIG", "GET", "port"]).array?.last?.text == "\(set.ports[0])")
            set.kill(0)
            let errors = try await insist(client, on: ["SET", "a", "2"])
            #expect(!errors.isEmpty)
            #expect(try await client.send(["CONFIG", "GET", "port"]).array?.last?.text == "\(set.ports[1])")
        }
    }

    @Test func `a master that was made a replica is left for its successor`() throws {
        let set = try RedisSet.sentinel()
        try set.awaitSentinels()
        let sentinel = try RedisConfiguration(url: "redis://127.0.0.1:\(set.sentinels[0])")
        try withRedis(try RedisConfiguration(url: set.url), on: set) { client in
            try await client.send(["SET", "a", "1"])
            let asked = RedisClient(loop: client.loop, configuration: sentinel)
            try await asked.send(["SENTINEL", "FAILOVER", "main"])
            for _ in 0..<600 {
                _ = try await insist(client, on: ["SET", "a", "2"])
                if try await client.send(["CONFIG", "GET", "port"]).array?.last?.text == "\(set.ports[1])" { break }
                try await client.loop.sleep(for: .milliseconds(50))
            }
            #expect(try await client.send(["CONFIG", "GET", "port"]).array?.last?.text == "\(set.ports[1])")
            await asked.shutdown()
        }
    }

    @Test func `sentinels are asked with a password of their own`() throws {
        let set = try RedisSet.sentinel(["--requirepass", "guard"])
        try withRedis(try RedisConfiguration(url: set.url + "?sentinel_password=guard"), on: set) { client in
            let reply = try await client.send(["SET", "a", "1"])
            #expect(reply == .simple("OK"))
        }
        try withRedis(try RedisConfiguration(url: set.url), on: set) { client in
            let error = await failure(of: client, ["GET", "a"])
            #expect(error?.code == .server("NOAUTH") && error?.message.contains("sentinel_password") == true)
        }
    }

    @Test func `what is wrong with sentinels is said with what to do`() throws {
        let set = try RedisSet.sentinel()
        let dead = TestEnvironment.freePort()
        let wrong = [
            ("redis+sentinel://127.0.0.1:\(set.sentinels[0])/other", "SENTINEL MASTERS"),
            ("redis+sentinel://127.0.0.1:\(set.ports[0])/main", "no sentinel"),
            ("redis+sentinel://127.0.0.1:\(dead)/main", "127.0.0.1:\(dead): Connection refused"),
            ("redis+cluster://127.0.0.1:\(set.ports[0])", "redis://"),
            ("redis+cluster://127.0.0.1:\(dead)", "127.0.0.1:\(dead): Connection refused"),
        ]
        for (url, words) in wrong {
            var configuration = try RedisConfiguration(url: url)
            configuration = configuration.shards(prefix: "x")[0].configuration
            try withRedis(configuration, on: set) { client in
                let error = await failure(of: client, ["GET", "a"])
                #expect(error?.message.contains(words) == true, "\(error?.message ?? "nothing")")
                #expect(error?.mayHaveBeenExecuted == false)
            }
        }
        // One that is dead is passed over.
        let url = "redis+sentinel://127.0.0.1:\(dead),127.0.0.1:\(set.sentinels[1])/main/2"
        try withRedis(try RedisConfiguration(url: url), on: set) { client in
            let info = try await client.send(["CLIENT", "INFO"]).text ?? ""
            #expect(info.contains(" db=2 "))
        }
    }

    @Test func `each shard's client finds its node, and follows its keys to another`() throws {
        let set = try RedisSet.cluster()
        let shards = try RedisConfiguration(url: set.url).shards(prefix: "p", count: 16)
        #expect(shards.count == 16 && shards.allSatisfy(\.isOfCluster) && shards[3].prefix == "p:{3}")
        let loop = try EventLoop()
        try loop.run {
            for shard in shards {
                let client = RedisClient(loop: loop, configuration: shard.configuration)
                try await client.send(["SET", "\(shard.prefix):a", "1"])
                #expect(try await client.send(["GET", "\(shard.prefix):a"]).text == "1")
                await client.shutdown()
            }
        }
        // The slot goes to the next node by hand, as `redis-cli --cluster reshard` does it.
        try withRedis(shards[5].configuration, on: set) { client in
            try await client.send(["SET", "p:{5}:b", "1"])
            let slot = "\(RedisSlot.of(tag: "5"))"
            let own = try #require(try await client.send(["CONFIG", "GET", "port"]).array?.last?.integer)
            let source = try #require(set.ports.firstIndex(of: own))
            let target = (source + 1) % 3
            func id(_ index: Int) throws -> String {
                try set.ask(index, ["CLUSTER", "MYID"]).split(separator: "\n").first.map(String.init) ?? ""
            }
            _ = try set.ask(target, ["CLUSTER", "SETSLOT", slot, "IMPORTING", try id(source)])
            _ = try set.ask(source, ["CLUSTER", "SETSLOT", slot, "MIGRATING", try id(target)])
            // Meanwhile: a script with two keys that are not there is refused, and what is there is used where it is.
            let half = await failure(of: client, ["EVAL", "return 1", "2", "p:{5}:b", "p:{5}:none"])
            #expect(half?.code == .server("TRYAGAIN"))
            let gates = await failure(of: client, ["EVAL", "return 1", "2", "p:{5}:none", "p:{5}:nothing"])
            #expect(gates?.code == .server("ASK"))
            #expect(try await client.send(["GET", "p:{5}:b"]).text == "1")
            for name in ["a", "b"] {
                _ = try set.ask(source, ["MIGRATE", "127.0.0.1", "\(set.ports[target])", "p:{5}:\(name)", "0", "5000"])
            }
            for index in [target, source] {
                _ = try set.ask(index, ["CLUSTER", "SETSLOT", slot, "NODE", try id(target)])
            }
            let errors = try await insist(client, on: ["SET", "p:{5}:b", "2"])
            #expect(errors.first?.code == .server("MOVED"))
            #expect(try await client.send(["CONFIG", "GET", "port"]).array?.last?.integer == set.ports[target])
        }
        // One who takes a node for a single server is told.
        try withRedis(try RedisConfiguration(url: "redis://127.0.0.1:\(set.ports[0])"), on: set) { client in
            var errors: [RedisError] = []
            for key in ["a", "b", "c", "d", "e"] {
                if let error = await failure(of: client, ["GET", key]) { errors.append(error) }
            }
            #expect(errors.contains { $0.code == .server("MOVED") && $0.message.contains("redis+cluster://") })
        }
    }

    @Test func `a node's death leads its shards to its replica`() throws {
        let set = try RedisSet.cluster(replicas: 1)
        let shard = try RedisConfiguration(url: set.url).shards(prefix: "p")[2]
        try withRedis(shard.configuration, on: set) { client in
            try await client.send(["SET", "p:{2}:a", "1"])
            _ = try await client.send(["WAIT", "1", "5000"])
            let own = try #require(try await client.send(["CONFIG", "GET", "port"]).array?.last?.integer)
            set.kill(try #require(set.ports.firstIndex(of: own)))
            let errors = try await insist(client, on: ["SET", "p:{2}:b", "1"])
            #expect(!errors.isEmpty)
            #expect(try await client.send(["GET", "p:{2}:a"]).text == "1")
        }
    }
}
