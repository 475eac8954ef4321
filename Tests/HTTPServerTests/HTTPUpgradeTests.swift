import EventLoop
import HTTPCore
import HTTPServer
import Testing

/// A protocol of the tests' own: every byte comes back, and the server says `bye` when it drains.
private func mirror(_ notes: Notes) -> @Sendable (EventLoop, HTTPRequest) -> HTTPResult {
    { _, request in
        guard request.path == "/mirror" else { return .now(.text(request.path)) }
        let upgrade = HTTPUpgrade(protocolName: "mirror", headers: ["X-Mirror": "yes", "Connection": "evil"]) {
            stream in
            let reflect: () -> Void = {
                do {
                    try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { buffer in
                        while let count = try stream.receive(into: buffer) {
                            guard count > 0 else { return stream.close() }
                            #expect(try stream.send(UnsafeRawBufferPointer(rebasing: buffer[..<count])) == count)
                        }
                    }
                } catch {
                    stream.close()
                }
            }
            stream.onReady = { _ in reflect() }
            stream.onDrain = {
                notes.add("drain")
                _ = try? Array("bye".utf8).withUnsafeBytes { try stream.send($0) }
            }
            stream.onCut = { notes.add("cut") }
            try? stream.watch(.read)
            reflect()
        }
        return .upgrade(upgrade)
    }
}

@Suite struct HTTPUpgradeTests {
    private static let request = "GET /mirror HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: mirror\r\n\r\n"

    @Test func `the answers before it are sent, and bytes behind it are the new protocol's`() async throws {
        try await withServer(handler: mirror(Notes())) { _, port in
            let client = try RawClient(port: port)
            try client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + Self.request + "early")
            #expect(try client.readResponse().text == "/first")
            var head = try client.readHead()
            #expect(head.status == 101)
            let date = head.fields.removeValue(forKey: "date")
            #expect(date != nil)
            #expect(head.fields == ["upgrade": "mirror", "x-mirror": "yes", "connection": "Upgrade"])
            #expect(try client.take(5) == Array("early".utf8))
            try client.send("GET / HTTP/1.1\r\n\r\n")
            #expect(try client.take(18) == Array("GET / HTTP/1.1\r\n\r\n".utf8))
        }
    }

    @Test func `no deadline of HTTP holds for it, and the client's end is seen`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.keepAliveIdle = .milliseconds(20)
        configuration.headDeadline = .milliseconds(20)
        try await withServer(configuration, handler: mirror(Notes())) { server, port in
            var client: RawClient? = try RawClient(port: port)
            try client?.send(Self.request)
            _ = try client?.readHead()
            try? await Task.sleep(for: .milliseconds(200))
            try client?.send("still here")
            let answer = try client?.take(10)
            #expect(answer == Array("still here".utf8))
            #expect(await server.statistics.connections == 1)
            client = nil
            #expect(await eventually { await server.statistics.connections == 0 })
        }
    }

    @Test func `it is told of a drain, and cut at its deadline`() async throws {
        let notes = Notes()
        try await withServer(handler: mirror(notes)) { server, port in
            let client = try RawClient(port: port)
            try client.send(Self.request)
            _ = try client.readHead()
            await server.shutdown(deadline: .milliseconds(50))
            #expect(notes.all == ["drain", "cut"])
            #expect(try client.take(3) == Array("bye".utf8))
        }
    }

    @Test func `HTTP 1.0 cannot have it`() async throws {
        try await withServer(handler: mirror(Notes())) { _, port in
            let client = try RawClient(port: port)
            try client.send("GET /mirror HTTP/1.0\r\nHost: a\r\nUpgrade: mirror\r\n\r\n")
            #expect(try client.readResponse().status == 400)
        }
    }
}
