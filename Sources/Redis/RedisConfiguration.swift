/// Where a Redis server is, who we are to it, and how patient we are.
public struct RedisConfiguration: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The way to the server.
    public enum Endpoint: Sendable, Hashable {
        /// A host name or address, and a port.
        case tcp(host: String, port: Int)
        /// The path of a Unix socket.
        case unix(path: String)
        /// The master that these sentinels name, whichever it is at the time.
        case sentinel(RedisSentinels)
        /// The node of a cluster that serves the keys with the configuration's ``RedisConfiguration/hashTag``; any node
        /// without one. The nodes here are asked which it is.
        case cluster([RedisPlace])
    }

    /// The way to the server.
    public var endpoint: Endpoint
    /// True speaks TLS, with the server's certificate verified for the endpoint's host.
    public var usesTLS = false
    /// A file of PEM certificates to trust instead of the system's.
    public var trustedCertificatesFile: String?
    /// The user of an ACL (Redis 6); nil is the default user.
    public var username: String?
    /// The password; nil does not authenticate.
    public var password: String?
    /// In a cluster, the braces' content of all keys that the client uses: they are in one slot; see ``RedisShard``.
    public var hashTag: String?
    /// The number of the database.
    public var database = 0
    /// What `CLIENT LIST` shows for the connection; nil sets nothing.
    public var clientName: String? = "chatbridge"
    /// The longest way to a usable connection: name look-up, TCP, TLS and greeting.
    public var connectTimeout = Duration.seconds(5)
    /// The longest wait for a reply unless a call says otherwise; after it the connection is made anew.
    public var commandTimeout = Duration.seconds(5)
    /// How long a command waits for a connection that is away; zero fails at once, but for the first attempt.
    public var connectionWait = Duration.zero
    /// Commands that may wait for replies at a time.
    public var maxOutstandingCommands = 100_000
    /// Bytes of commands that may wait for replies at a time; a single command may be larger.
    public var maxOutstandingBytes = 64 << 20
    /// The largest reply taken; the server's own limit for one string is 512 MiB.
    public var maxReplyBytes = 256 << 20
    /// The first pause before connecting again; each failure doubles it.
    public var minBackoff = Duration.milliseconds(50)
    /// The longest pause before connecting again.
    public var maxBackoff = Duration.seconds(5)

    /// The endpoint and the database, without user and password.
    public var description: String {
        switch endpoint {
        case .tcp(let host, let port): "\(usesTLS ? "rediss" : "redis")://\(host):\(port)/\(database)"
        case .unix(let path): "unix:\(path)?db=\(database)"
        case .sentinel(let sentinels):
            "\(usesTLS ? "rediss" : "redis")+sentinel://\(RedisConfiguration.list(sentinels.places))/"
                + "\(sentinels.master)/\(database)"
        case .cluster(let places):
            "\(usesTLS ? "rediss" : "redis")+cluster://\(RedisConfiguration.list(places))"
        }
    }

    /// The description, so that no way of printing shows the password.
    public var debugDescription: String { description }

    /// A configuration for an endpoint, with the defaults above.
    public init(endpoint: Endpoint) {
        self.endpoint = endpoint
    }

    /// Reads `redis://[user:pass@]host[:port][/db]`, `rediss://…` (TLS) or `unix:/path[?db=N]`.
    ///
    /// User and password are percent-decoded; `redis://:pass@host` has a password alone. `rediss://…?cacert=FILE` trusts the
    /// authorities in a PEM file instead of the system's. Sets of servers are
    /// `redis+sentinel://[user:pass@]host[:port],…/master[/db]`, with `sentinel_username` and `sentinel_password` in the query
    /// where the sentinels ask for them, and `redis+cluster://[user:pass@]host[:port],…`.
    ///
    /// - Throws: ``RedisError`` (`configuration`) that says what is wrong without repeating the URL.
    public init(url: String) throws(RedisError) {
        if let rest = RedisConfiguration.drop("unix:", from: url) {
            let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            var path = parts[0]
            if path.hasPrefix("//") { path = path.dropFirst(2) }
            guard path.hasPrefix("/"), path.utf8.count < 108 else {
                throw RedisConfiguration.wrong("a unix: URL needs an absolute path of at most 107 bytes")
            }
            self.init(endpoint: .unix(path: String(path)))
            if parts.count > 1 { try readQuery(parts[1]) }
            return
        }
        if let set = try RedisConfiguration(urlOfSet: url) {
            self = set
            return
        }
        let isEncrypted = RedisConfiguration.drop("rediss://", from: url) != nil
        guard
            let rest = RedisConfiguration.drop("rediss://", from: url) ?? RedisConfiguration.drop("redis://", from: url)
        else {
            throw RedisConfiguration.wrong(
                "the URL must begin with redis://, rediss://, redis+sentinel://, redis+cluster:// or unix:/")
        }
        let halves = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let slash = halves[0].firstIndex(of: "/") ?? halves[0].endIndex
        var authority = halves[0][..<slash]
        let path = halves[0][slash...].dropFirst()
        var credentials: Substring?
        if let at = authority.lastIndex(of: "@") {
            credentials = authority[..<at]
            authority = authority[authority.index(after: at)...]
        }
        self.init(endpoint: try RedisConfiguration.readHost(authority))
        usesTLS = isEncrypted
        if let credentials { readCredentials(credentials) }
        if !path.isEmpty { database = try RedisConfiguration.readDatabase(path) }
        if halves.count > 1 { try readQuery(halves[1]) }
    }

    mutating func readCredentials(_ credentials: Substring) {
        let pair = credentials.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let user = RedisConfiguration.percentDecoded(pair[0])
        if pair.count == 1 {
            // Seen in the field for a password without user; a user alone would authenticate nothing.
            password = user
        } else {
            username = user.isEmpty ? nil : user
            password = RedisConfiguration.percentDecoded(pair[1])
        }
        if password?.isEmpty == true { password = nil }
    }

    private mutating func readQuery(_ query: Substring) throws(RedisError) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            switch parts[0] {
            case "db" where parts.count == 2:
                database = try RedisConfiguration.readDatabase(parts[1])
            case "cacert" where parts.count == 2 && usesTLS:
                trustedCertificatesFile = RedisConfiguration.percentDecoded(parts[1])
            default:
                throw RedisConfiguration.wrong(
                    "the URL's query may hold db=N, with rediss:// also cacert=FILE, and nothing else")
            }
        }
    }

    static func readHost(_ authority: Substring, defaultPort: Int = 6379) throws(RedisError) -> Endpoint {
        var host = authority
        var port: Substring?
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw wrong("the URL's host is malformed") }
            if !rest.isEmpty { port = rest.dropFirst() }
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
            if host.contains(":") { throw wrong("an IPv6 address needs brackets") }
        }
        if host.isEmpty { host = "127.0.0.1" }
        guard let port, !port.isEmpty else { return .tcp(host: String(host), port: defaultPort) }
        guard let number = Int(port), (1...65_535).contains(number) else {
            throw wrong("the URL's port must be a number from 1 to 65535")
        }
        return .tcp(host: String(host), port: number)
    }

    static func readDatabase(_ text: Substring) throws(RedisError) -> Int {
        guard let number = Int(text), number >= 0 else { throw wrong("the URL's database must be a number") }
        return number
    }

    private static func drop(_ prefix: String, from url: String) -> Substring? {
        guard url.utf8.count >= prefix.utf8.count, url.prefix(prefix.count).lowercased() == prefix else { return nil }
        return url.dropFirst(prefix.count)
    }

    static func wrong(_ message: String) -> RedisError {
        RedisError(code: .configuration, message: message)
    }

    static func percentDecoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let decoded = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(decoded)
                rest.removeFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
