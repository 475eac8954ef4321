import EventLoop
import Glibc
import HTTPCore
import HTTPServer
import Testing

/// Clients that mean harm: what they take is bounded, what they send wrongly is refused, and others are served meanwhile.
@Suite struct HTTPServerAbuseTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func answer(_ loop: EventLoop, _ request: HTTPRequest) -> HTTPResult {
        .now(.text("\(request.body.count)"))
    }

    private static func expectService(on port: UInt16) throws {
        let client = try RawClient(port: port)
        try client.send(get)
        #expect(try client.readResponse().text == "0")
    }

    // MARK: Bombs

    @Test(arguments: [
        ("FFFFFFFFFFFFFFFF\r\n", 413, "content_too_large"),
        ("00000000000000001\r\na\r\n", 400, "bad_chunk_size"),
        ("-1\r\n", 400, "bad_chunk_size"),
        ("1;\(String(repeating: "x", count: 5000))\r\na\r\n0\r\n\r\n", 400, "chunk_extensions_too_long"),
        (
            String(repeating: "1;ext=\(String(repeating: "x", count: 60))\r\na\r\n", count: 100), 400,
            "chunk_extensions_too_long"
        ),
        ("1\r\nab\r\n", 400, "bad_chunk_end"),
        ("0\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n", 431, "headers_too_large"),
        ("0\r\n\(String(repeating: "X: y\r\n", count: 101))\r\n", 431, "too_many_headers"),
        (
            String(repeating: "10000\r\n\(String(repeating: "x", count: 65_536))\r\n", count: 17), 413,
            "content_too_large"
        ),
    ])
    func `a bomb of chunks is refused, and nobody else feels it`(chunks: String, status: Int, code: String) async throws
    {
        try await withServer(handler: HTTPServerAbuseTests.answer) { _, port in
            let client = try RawClient(port: port)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
            let response = try client.readResponse()
            #expect(response.status == status)
            #expect(response.text.contains(code))
            #expect(try client.isAtEnd())
            try HTTPServerAbuseTests.expectService(on: port)
        }
    }

    @Test func `content in ten thousand chunks of a byte is taken`() async throws {
        try await withServer(handler: HTTPServerAbuseTests.answer) { _, port in
            let client = try RawClient(port: port)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            try client.send(String(repeating: "1\r\na\r\n", count: 10_000) + "0\r\n\r\n")
            #expect(try client.readResponse().text == "10000")
        }
    }

    // MARK: Floods

    @Test func `a flood of pipelined requests is answered in order, and others are served while it lasts`() async throws
    {
        try await withServer { _, request in
            .now(.text(request.path, status: request.path.hasPrefix("/refused") ? HTTPStatus(429) : .ok))
        } _: { _, port in
            let count = 2000
            let flood = try RawClient(port: port)
            // Small enough for the kernel's buffers: whoever sends and reads in one thread must not be made to wait.
            let requests = (0..<count).map {
                "GET /\($0 % 3 == 0 ? "refused" : "taken")/\($0) HTTP/1.1\r\nHost: a\r\n\r\n"
            }
            try flood.send(requests.joined())
            for index in 0..<count {
                let response = try flood.readResponse()
                #expect(response.text == "/\(index % 3 == 0 ? "refused" : "taken")/\(index)")
                guard index % 500 == 0 else { continue }
                let other = try RawClient(port: port)
                try other.send(HTTPServerAbuseTests.get)
                #expect(try other.readResponse().text == "/")
            }
        }
    }

    @Test func `what is pipelined behind an answer that waits stays in the kernel, and is answered later`() async throws
    {
        try await withServer { loop, request in
            .later {
                try? await loop.sleep(for: .milliseconds(1))
                return .text(request.path)
            }
        } _: { _, port in
            let client = try RawClient(port: port)
            for index in 0..<60 {
                try client.send(
                    "GET /\(index) HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 5000))\r\n\r\n")
            }
            for index in 0..<60 { #expect(try client.readResponse().text == "/\(index)") }
        }
    }

    @Test func `who is refused again and again is answered each time, and a good request after it as well`()
        async throws
    {
        try await withServer { _, request in
            .now(.text("x", status: request.path == "/bad" ? HTTPStatus(401) : .ok))
        } _: { _, port in
            let client = try RawClient(port: port)
            for _ in 0..<100 {
                try client.send("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readResponse().status == 401)
            }
            for _ in 0..<3 {
                try client.send(HTTPServerAbuseTests.get)
                #expect(try client.readResponse().status == 200)
            }
        }
    }

    // MARK: Memory

    @Test func `bodies that arrive slowly give way when memory is short, the oldest first`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maxBufferedBytes = 1 << 20
        try await withServer(configuration, handler: HTTPServerAbuseTests.answer) { server, port in
            let part = [UInt8](repeating: 97, count: 200_000)
            var clients: [RawClient] = []
            for index in 1...12 {
                let client = try RawClient(port: port)
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200001\r\n\r\n")
                try client.send(part)
                clients.append(client)
                if index == 12 { break }
                // Each is there before the next, so that it is known which is the oldest.
                #expect(await eventually { await server.statistics.accepted == index })
            }
            #expect(await eventually { await server.statistics.displaced > 5 })
            let first = try clients[0].readResponse()
            #expect(first.status == 503)
            #expect(first.fields["retry-after"] == "1")
            #expect(first.text.contains("overloaded"))
            // A short one is taken all the while, and so is the newest of the large ones.
            try HTTPServerAbuseTests.expectService(on: port)
            try clients[11].send("b")
            #expect(try clients[11].readResponse().text == "200001")
        }
    }

    @Test func `clients that take no response are cut off when memory is short`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maxBufferedBytes = 4 << 20
        try await withServer(configuration) { _, request in
            .now(HTTPResponse(body: .bytes([UInt8](repeating: 1, count: request.path == "/" ? 1 : 8_000_000))))
        } _: { server, port in
            let clients = try (0..<4).map { _ in
                let client = try RawClient(port: port, receiveBuffer: 65_536)
                try client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                return client
            }
            #expect(await eventually { await server.statistics.displaced >= 3 })
            #expect(clients.count == 4)
            let other = try RawClient(port: port)
            try other.send(HTTPServerAbuseTests.get)
            #expect(try other.readResponse().body == [1])
        }
    }

    @Test func `three hundred idle connections hold next to nothing, and all of them still work`() async throws {
        try await withServer(handler: HTTPServerAbuseTests.answer) { server, port in
            let clients = try (0..<300).map { _ in try RawClient(port: port) }
            for client in clients { try client.send(HTTPServerAbuseTests.get) }
            for client in clients { #expect(try client.readResponse().text == "0") }
            #expect(await server.statistics.connections == 300)
            #expect(await server.statistics.heldBytes <= 300 * 1024)
            for client in clients { try client.send(HTTPServerAbuseTests.get) }
            for client in clients { #expect(try client.readResponse().text == "0") }
        }
    }
}
