import Glibc
import HTTPCore
import Synchronization
import Testing

@testable import HTTPClient

/// Addresses that somebody outside has chosen: none of ours is connected to for them.
struct UntrustedAddressTests {
    @Test(arguments: [
        ("0.0.0.0", true), ("0.1.2.3", true), ("10.0.0.1", true), ("100.64.0.1", true), ("100.127.255.255", true),
        ("100.128.0.1", false), ("100.63.255.255", false), ("127.0.0.1", true), ("127.255.255.254", true),
        ("169.254.169.254", true), ("169.253.0.1", false), ("172.15.255.255", false), ("172.16.0.1", true),
        ("172.31.255.255", true), ("172.32.0.1", false), ("192.0.0.8", true), ("192.0.2.1", true),
        ("192.88.99.1", true), ("192.168.1.1", true), ("192.169.0.1", false), ("198.18.0.1", true),
        ("198.19.255.255", true), ("198.20.0.1", false), ("198.51.100.7", true), ("203.0.113.7", true),
        ("224.0.0.1", true), ("239.255.255.255", true), ("240.0.0.1", true), ("255.255.255.255", true),
        ("1.1.1.1", false), ("8.8.8.8", false), ("149.154.167.220", false), ("223.255.255.255", false),
        ("::", true), ("::1", true), ("::ffff:127.0.0.1", true), ("::ffff:10.0.0.1", true), ("::ffff:8.8.8.8", false),
        ("::127.0.0.1", true), ("::8.8.8.8", true), ("64:ff9b::7f00:1", true), ("64:ff9b::808:808", false),
        ("64:ff9b:1::1", true), ("100::1", true), ("2001::1", true), ("2001:10::1", true), ("2001:1ff::1", true),
        ("2001:200::1", false), ("2001:db8::1", true), ("2001:db9::1", false), ("2001:67c:4e8:f004::9", false),
        ("2002:7f00:1::1", true), ("2002:a00:1::", true), ("2002:808:808::1", false), ("2606:4700::1111", false),
        ("3fff::1", true), ("3fff:fff::1", true), ("3fff:1000::1", false), ("4000::1", true), ("5f00::1", true),
        ("fc00::1", true), ("fd12:3456::1", true), ("fe80::1", true), ("fec0::1", true), ("ff02::1", true),
        ("localhost", true), ("", true), ("fe80::1%lo", true),
    ])
    func `an address is one of the Internet, or not`(address: String, isPrivate: Bool) {
        #expect(PrivateAddress.contains(text: address) == isPrivate)
    }

    /// The forms in which this machine can be named.
    @Test(arguments: [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "0.0.0.0", "0",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "LOCALHOST", "127.0.0.1.",
    ])
    func `this machine is not reached by any of its names`(host: String) throws {
        let server = ScriptedServer { connection in
            while connection.request() != nil { connection.answer("secret") }
        }
        defer { server.stop() }
        let port = server.url("/").split(separator: ":").last.map { $0.prefix { $0 != "/" } } ?? ""
        try withClient { client in
            let request = HTTPClientRequest(url: "http://\(host):\(port)/x", isUntrustedAddress: true)
            let error = await failure(of: client, request)
            #expect(error?.code == .privateAddress || host.hasSuffix("."), "\(error as Any)")
            #expect(error?.mayHaveBeenProcessed == false)
        }
        #expect(server.accepted.load(ordering: .relaxed) == 0)
    }

    @Test func `a connection of the configuration's is not lent to such a request`() throws {
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() { connection.answer(String(head.prefix(8))) }
        }
        defer { server.stop() }
        try withClient { client in
            let url = server.url("/x")
            _ = try await client.send(HTTPClientRequest(url: url))
            let error = await failure(of: client, HTTPClientRequest(url: url, isUntrustedAddress: true))
            #expect(error?.code == .privateAddress)
            #expect(error?.mayHaveBeenProcessed == false)
            // The handle has no memory of it.
            let answer = try await client.send(HTTPClientRequest(url: url))
            #expect(answer.status == .ok)
        }
    }

    @Test func `a name that leads elsewhere is judged by where it leads`() throws {
        try withClient { client in
            // 169.254.169.254 as a link-local address needs no route: nothing is sent at all.
            for host in ["169.254.169.254", "[::1]", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]"] {
                let request = HTTPClientRequest(url: "http://\(host)/latest/meta-data/", isUntrustedAddress: true)
                let error = await failure(of: client, request)
                #expect(error?.code == .privateAddress, "\(host): \(error as Any)")
            }
        }
    }

    @Test func `redirects are handed over, whatever the limit says`() throws {
        let server = ScriptedServer { connection in
            while connection.request() != nil {
                connection.write(
                    "HTTP/1.1 307 Elsewhere\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n")
            }
        }
        defer { server.stop() }
        var configuration = HTTPClientConfiguration()
        configuration.allowsPrivateAddresses = true
        try withClient(configuration) { client in
            let request = HTTPClientRequest(url: server.url("/"), maxRedirects: 5, isUntrustedAddress: true)
            let answer = try await client.send(request)
            #expect(answer.status.code == 307)
            #expect(answer.header("Location") == "http://169.254.169.254/latest")
        }
    }

    @Test func `the configuration can allow them`() throws {
        let server = ScriptedServer { connection in
            while connection.request() != nil { connection.answer("ours") }
        }
        defer { server.stop() }
        var configuration = HTTPClientConfiguration()
        configuration.allowsPrivateAddresses = true
        try withClient(configuration) { client in
            let answer = try await client.send(HTTPClientRequest(url: server.url("/"), isUntrustedAddress: true))
            #expect(String(decoding: answer.body, as: UTF8.self) == "ours")
        }
    }
}
