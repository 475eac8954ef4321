/// An address of the web in the two parts that matter for finding an agent.
struct A2AURL: Sendable, Equatable {
    /// Scheme, host and port, as in `https://example.org:8443`.
    let origin: String
    /// The host in lower case, an IPv6 address in its brackets.
    let host: String
    /// All that comes after the origin: path and query; empty where there is neither.
    let rest: String

    /// Takes an address apart; nil for anything but `http` and `https`.
    init?(_ url: String) {
        guard let scheme = ["http://", "https://"].first(where: { url.hasPrefix($0) }) else { return nil }
        let authority = url.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty else { return nil }
        origin = String(scheme + authority)
        rest = String(url.dropFirst(origin.count))
        // Without the name and password that may stand before it, and without the port behind it.
        let place = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
        let end =
            place.hasPrefix("[") ? place.firstIndex(of: "]").map { place.index(after: $0) } : place.firstIndex(of: ":")
        host = place[..<(end ?? place.endIndex)].lowercased()
    }

    /// Whether the host is, by its name alone, one of our own network.
    var isInside: Bool {
        if host.hasPrefix("[") { return host == "[::1]" || host.hasPrefix("[f") }
        let isNamed =
            !host.contains(".") || [".local", ".internal", ".localhost", ".lan"].contains { host.hasSuffix($0) }
        let parts = host.split(separator: ".").map { UInt8($0) }
        guard parts.count == 4, let first = parts[0], let second = parts[1], parts[2] != nil, parts[3] != nil else {
            return isNamed
        }
        return first == 10 || first == 127 || (first, second) == (192, 168)
            || first == 172 && (16...31).contains(second)
    }

    /// Whether the host is the machine that asks.
    var isLoopback: Bool {
        host == "localhost" || host.hasPrefix("127.") || host == "[::1]"
    }
}
