internal import EventLoop

/// Finds the server that a client belongs to: the master that sentinels name, or the node of a cluster that serves a slot.
///
/// Each question is asked over a connection of its own, which ends with the answer: it is needed at the start and after a
/// failover alone. Confined to the loop of its client.
actor RedisFinder {
    /// The longest wait for one of those that are asked: behind a dead machine there are others who know.
    private static let patience = Duration.seconds(1)
    /// The most nodes of a cluster that are remembered.
    private static let longestList = 100

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let configuration: RedisConfiguration
    private let question: RedisCommand
    private let master: String?
    /// The slot whose master is looked for; nil: any node will do.
    private let slot: Int?
    /// Whom to ask, the one that answered last first.
    private var places: [RedisPlace]

    /// A finder where there is something to find, nil where the configuration says it.
    init?(loop: EventLoop, configuration: RedisConfiguration) {
        self.loop = loop
        slot = configuration.hashTag.map { RedisSlot.of(tag: $0) }
        var asked = configuration
        asked.hashTag = nil
        asked.connectTimeout = RedisFinder.patience
        asked.commandTimeout = RedisFinder.patience
        switch configuration.endpoint {
        case .tcp, .unix: return nil
        case .sentinel(let sentinels):
            asked.username = sentinels.username
            asked.password = sentinels.password
            asked.database = 0
            master = sentinels.master
            places = sentinels.places
            question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinels.master]
        case .cluster(let nodes):
            master = nil
            // Many clients begin at the same time: they spread over the nodes.
            places = nodes.shuffled()
            question = ["CLUSTER", "SLOTS"]
        }
        self.configuration = asked
    }

    /// Asks one after the other until one knows.
    func find() async -> Result<RedisPlace, RedisError> {
        var failures: [String] = []
        var last: RedisError?
        for place in places {
            do throws(RedisError) {
                let reply = try await ask(place)
                let found = master == nil ? try readSlots(reply, askedAt: place) : try readMaster(reply)
                // Those that did not answer come last from now on.
                if let index = places.firstIndex(of: place) { places = Array(places[index...] + places[..<index]) }
                return .success(found)
            } catch {
                last = error
                failures.append("\(place): \(error.message)")
            }
        }
        let who = master.map { "the master \"\($0)\" is not found" } ?? "the cluster is not reached"
        return .failure(
            RedisError(
                code: last?.code ?? .notConnected, message: "\(who) (\(failures.joined(separator: "; ")))"))
    }

    /// A server that sentinels still name may have been made a replica (Redis documentation, "Guidelines for Redis clients with
    /// support for Redis Sentinel": step 3).
    static func examine(role: RedisValue) -> RedisError? {
        guard let word = role.array?.first?.text, word != "master" else { return nil }
        return RedisError(
            code: .server("READONLY"),
            message: "the server that the sentinels name is a replica: a failover is under way")
    }

    private func ask(_ place: RedisPlace) async throws(RedisError) -> RedisValue {
        var configuration = configuration
        configuration.endpoint = .tcp(host: place.host, port: place.port)
        let client = RedisClient(loop: loop, configuration: configuration)
        do {
            let reply = try await client.send(question)
            await client.shutdown()
            return reply
        } catch {
            await client.shutdown()
            throw advised(error)
        }
    }

    /// What to do about the errors of a wrong address or password.
    private func advised(_ error: RedisError) -> RedisError {
        if error.message.contains("unknown command"), master != nil {
            return error.adding("this is no sentinel, which has a port of its own, 26379 by default")
        }
        if error.message.contains("cluster support disabled") {
            return error.adding("a single server's URL begins with redis://")
        }
        if error.code == .server("NOAUTH"), master != nil {
            return error.adding("the sentinels want a password, ?sentinel_password=… at the end of the URL")
        }
        return error
    }

    private func readMaster(_ reply: RedisValue) throws(RedisError) -> RedisPlace {
        guard let parts = reply.array, parts.count == 2, let host = parts[0].text, let port = parts[1].integer else {
            throw RedisError(
                code: .notConnected,
                message: "this sentinel watches no master of that name, SENTINEL MASTERS lists those it does")
        }
        return RedisPlace(host: host, port: port)
    }

    /// Reads `CLUSTER SLOTS`: arrays of first slot, last slot, master and replicas, each of these with host and port first.
    private func readSlots(_ reply: RedisValue, askedAt asked: RedisPlace) throws(RedisError) -> RedisPlace {
        var found: RedisPlace?
        for range in reply.array ?? [] {
            guard let parts = range.array, parts.count >= 3, let first = parts[0].integer, let last = parts[1].integer
            else { continue }
            let nodes = parts[2...].compactMap { RedisFinder.readNode($0, askedAt: asked) }
            for node in nodes where !places.contains(node) && places.count < RedisFinder.longestList {
                places.append(node)
            }
            if let slot, (first...max(first, last)).contains(slot) { found = nodes.first }
        }
        guard let slot else { return asked }
        guard let found else {
            throw RedisError(
                code: .server("CLUSTERDOWN"),
                message: "no node serves slot \(slot): redis-cli --cluster check \(asked) says what is missing")
        }
        return found
    }

    private static func readNode(_ value: RedisValue, askedAt asked: RedisPlace) -> RedisPlace? {
        guard let parts = value.array, parts.count >= 2, let port = parts[1].integer else { return nil }
        // A node that does not know its own address names none, or a question mark: it is where it was asked.
        let host = parts[0].text ?? ""
        return RedisPlace(host: host.isEmpty || host == "?" ? asked.host : host, port: port)
    }
}
