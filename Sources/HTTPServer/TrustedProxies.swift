internal import HTTPCore

/// Which proxies are believed when they name the client of a request in `X-Forwarded-For`.
///
/// Anybody can send that field: it counts only as far as the connection, and each hop that it names, is a proxy that is trusted.
public struct TrustedProxies: Sendable, Hashable {
    /// More hops than any honest chain has are not looked at.
    private static let maxHops = 16

    private var includesPrivate: Bool
    private var networks: [Network] = []

    private struct Network: Hashable {
        var base: HTTPPeer
        var prefixLength: Int
    }

    /// Trusts proxies on this machine and in private networks, where nobody but the operator has machines.
    public init() {
        includesPrivate = true
    }

    /// Reads a list as an operator writes it: addresses and networks as in `10.1.2.3, 2001:db8::/32`, `private` for what
    /// ``init()`` trusts; `none` or nothing trusts nobody.
    ///
    /// - Returns: nil when an entry is none of these.
    public init?(_ list: String) {
        includesPrivate = false
        for entry in list.split(whereSeparator: { $0 == "," || $0 == " " }) where entry != "none" {
            if entry == "private" {
                includesPrivate = true
                continue
            }
            let halves = entry.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let base = HTTPPeer(String(halves[0])) else { return nil }
            let longest = base.isV4 ? 32 : 128
            let length = halves.count == 1 ? longest : Int(halves[1])
            guard let length, (0...longest).contains(length) else { return nil }
            networks.append(Network(base: base, prefixLength: length + (base.isV4 ? 96 : 0)))
        }
    }

    /// The client that a request came from: the one at the other end of the connection, or, where that is a trusted proxy, the
    /// last in `X-Forwarded-For` that is none.
    public func client(of request: HTTPRequest) -> HTTPPeer {
        var client = request.peer
        guard trusts(client) else { return client }
        var hops = request.headers.values(of: "X-Forwarded-For").flatMap { $0.split(separator: ",") }
        for _ in 0..<TrustedProxies.maxHops {
            // What a trusted proxy has written and cannot be read tells nothing: it stays the proxy's own.
            guard let hop = hops.popLast(), let address = HTTPPeer(String(hop)) else { break }
            client = address
            if !trusts(client) { break }
        }
        return client
    }

    private func trusts(_ peer: HTTPPeer) -> Bool {
        (includesPrivate && (peer.isLoopback || peer.isPrivate))
            || networks.contains { peer.isWithin($0.base, prefixLength: $0.prefixLength) }
    }
}
