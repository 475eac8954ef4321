import HTTPCore
import Testing

@testable import HTTPServer

@Suite struct TrustedProxiesTests {
    private func client(_ list: String?, _ peer: String, _ forwarded: String...) throws -> String {
        let proxies = try list.map { try #require(TrustedProxies($0)) } ?? TrustedProxies()
        var headers = HTTPFields()
        for value in forwarded { headers.append("X-Forwarded-For", value) }
        return proxies.client(of: HTTPRequest(target: "/", headers: headers, peer: try #require(HTTPPeer(peer))))
            .address
    }

    @Test(arguments: [
        (nil, "127.0.0.1", "203.0.113.7", "203.0.113.7"),
        (nil, "10.1.2.3", "6.6.6.6, 203.0.113.7, 192.168.0.1", "203.0.113.7"),
        (nil, "fd00::1", " [2001:db8::7]:4711 ", "2001:db8::7"),
        (nil, "127.0.0.1", "203.0.113.7:5000", "203.0.113.7"),
        // A stranger's word counts for nothing.
        (nil, "203.0.113.9", "127.0.0.1", "203.0.113.9"),
        // What cannot be read ends the chain.
        (nil, "127.0.0.1", "203.0.113.7, unknown", "127.0.0.1"),
        (nil, "127.0.0.1", "", "127.0.0.1"),
        // All of it trusted: the one that is furthest away.
        (nil, "127.0.0.1", "192.168.3.3, 10.0.0.1", "192.168.3.3"),
        ("none", "127.0.0.1", "203.0.113.7", "127.0.0.1"),
        ("198.51.100.0/24", "198.51.100.77", "203.0.113.7", "203.0.113.7"),
        ("198.51.100.0/24", "127.0.0.1", "203.0.113.7", "127.0.0.1"),
        ("private, 2001:db8:1::/48", "2001:db8:1:2::3", "203.0.113.7, 10.0.0.1", "203.0.113.7"),
        ("2001:db8:1::/48", "2001:db8:2::3", "203.0.113.7", "2001:db8:2::3"),
        ("0.0.0.0/0", "8.8.8.8", "203.0.113.7", "203.0.113.7"),
        ("192.0.2.1", "192.0.2.2", "203.0.113.7", "192.0.2.2"),
    ])
    func `the client is the last that no trusted proxy vouches for`(
        list: String?, peer: String, forwarded: String, address: String
    ) throws {
        #expect(try client(list, peer, forwarded) == address)
    }

    @Test func `several fields are one list, and a chain without end is cut`() throws {
        #expect(try client(nil, "127.0.0.1", "203.0.113.1", "203.0.113.2", "10.0.0.1") == "203.0.113.2")
        let long = (0..<1000).map { _ in "10.0.0.1" }.joined(separator: ",")
        #expect(try client(nil, "127.0.0.1", "203.0.113.1, " + long) == "10.0.0.1")
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0/8", "::/129", "proxy.example.com", "10.0.0.0/-1", "10.0.0.0/"])
    func `a list with anything else is refused`(list: String) {
        #expect(TrustedProxies(list) == nil)
    }

    @Test func `addresses of one IPv6 customer are one site`() throws {
        let (one, other) = (try #require(HTTPPeer("2001:db8::1")), try #require(HTTPPeer("2001:db8::ffff:2")))
        #expect(one.site == other.site)
        #expect(try one.site != #require(HTTPPeer("2001:db8:0:1::1")).site)
        #expect(try #require(HTTPPeer("192.0.2.1")).site != #require(HTTPPeer("192.0.2.2")).site)
    }
}
