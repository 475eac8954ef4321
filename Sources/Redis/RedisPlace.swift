/// A host and a port that a server of a set of servers is reached at.
public struct RedisPlace: Sendable, Hashable, CustomStringConvertible {
    /// A name, or an address in digits without brackets.
    public let host: String
    /// From 1 to 65535.
    public let port: Int

    /// A place of these parts.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` as a server's reply names it (`MOVED 3999 127.0.0.1:6381`); nil where it is no such text.
    init?(_ text: Substring) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port), colon > text.startIndex
        else { return nil }
        self.init(host: String(text[..<colon]), port: port)
    }

    /// `host:port`, with brackets around an IPv6 address.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// The sentinels that watch a master, and how they are asked for it.
public struct RedisSentinels: Sendable, Hashable {
    /// Where they are; each alone knows the answer.
    public var places: [RedisPlace]
    /// The name of the master among those that they watch.
    public var master: String
    /// The user of the sentinels' own ACL; nil is the default user.
    public var username: String?
    /// The sentinels' own password; nil does not authenticate.
    public var password: String?

    /// Sentinels that ask for no password.
    public init(places: [RedisPlace], master: String) {
        self.places = places
        self.master = master
    }
}
