/// URLs of sets of servers: sentinels with the master that they watch, and clusters.
extension RedisConfiguration {
    /// With several servers to ask, the longest pause between two attempts: a failover takes seconds, and the end of it is not to
    /// be missed by as much again.
    private static let longestPause = Duration.seconds(1)
    /// The longest attempt, since a machine that is gone lets one wait while its successor is there already.
    private static let longestAttempt = Duration.seconds(3)

    /// Reads `redis+sentinel://[user:pass@]host[:port],…/master[/db]` and `redis+cluster://[user:pass@]host[:port],…`,
    /// and the same with `rediss`; nil where the URL is of another kind.
    ///
    /// The query of the first may hold `sentinel_username` and `sentinel_password`, for sentinels that ask for them. Ports are
    /// 26379 for sentinels and 6379 for nodes where none is given.
    init?(urlOfSet url: String) throws(RedisError) {
        guard let end = url.firstRange(of: "://"), let plus = url[..<end.lowerBound].firstIndex(of: "+") else {
            return nil
        }
        let transport = url[..<plus].lowercased()
        guard transport == "redis" || transport == "rediss" else { return nil }
        let kind = url[url.index(after: plus)..<end.lowerBound].lowercased()
        guard kind == "sentinel" || kind == "cluster" else { return nil }
        let isSentinel = kind == "sentinel"

        let halves = url[end.upperBound...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var parts = halves[0].split(separator: "/", omittingEmptySubsequences: false)
        var authority = parts.removeFirst()
        var credentials: Substring?
        if let at = authority.lastIndex(of: "@") {
            credentials = authority[..<at]
            authority = authority[authority.index(after: at)...]
        }
        var places: [RedisPlace] = []
        for text in authority.split(separator: ",", omittingEmptySubsequences: false) {
            guard case .tcp(let host, let port) = try Self.readHost(text, defaultPort: isSentinel ? 26_379 : 6379)
            else {
                continue
            }
            places.append(RedisPlace(host: host, port: port))
        }
        if parts.last?.isEmpty == true { parts.removeLast() }
        var database: Substring?
        if isSentinel {
            guard let name = parts.first, parts.count <= 2 else {
                throw Self.wrong(
                    "the URL must name the master after the sentinels: redis+sentinel://host:port/mymaster")
            }
            let master = Self.percentDecoded(name)
            self.init(endpoint: .sentinel(RedisSentinels(places: places, master: master)))
            if parts.count == 2 { database = parts[1] }
        } else {
            guard parts.isEmpty else {
                throw Self.wrong("a cluster has no databases: redis+cluster://host:port,host:port")
            }
            self.init(endpoint: .cluster(places))
        }
        usesTLS = transport == "rediss"
        maxBackoff = Self.longestPause
        connectTimeout = Self.longestAttempt
        if let credentials { readCredentials(credentials) }
        if let database { self.database = try Self.readDatabase(database) }
        if halves.count > 1 { try readQueryOfSet(halves[1]) }
    }

    private mutating func readQueryOfSet(_ query: Substring) throws(RedisError) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count == 2 ? Self.percentDecoded(parts[1]) : ""
            switch (parts[0], endpoint) {
            case ("cacert", _) where usesTLS && !value.isEmpty:
                trustedCertificatesFile = value
            case ("sentinel_username", .sentinel(var sentinels)):
                sentinels.username = value.isEmpty ? nil : value
                endpoint = .sentinel(sentinels)
            case ("sentinel_password", .sentinel(var sentinels)):
                sentinels.password = value.isEmpty ? nil : value
                endpoint = .sentinel(sentinels)
            default:
                throw Self.wrong(
                    "the URL's query may hold cacert=FILE with rediss+…://, sentinel_username and sentinel_password"
                        + " with …+sentinel://, and nothing else")
            }
        }
    }

    /// The places as the description shows them.
    static func list(_ places: [RedisPlace]) -> String { places.map(\.description).joined(separator: ",") }
}
