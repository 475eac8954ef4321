import EventLoop
import HTTPCore
import HTTPServer
import Testing

private func echo(_ loop: EventLoop, _ request: HTTPRequest) -> HTTPResult {
    .now(.text("\(request.method) \(request.target) \(request.body.count)"))
}

/// Answers after a wait when the path says so.
private func slowly(_ loop: EventLoop, _ request: HTTPRequest) -> HTTPResult {
    guard request.path == "/slow" else { return echo(loop, request) }
    return .later {
        try? await loop.sleep(for: .milliseconds(30))
        return .text("slow \(loop.isCurrent)")
    }
}

@Suite struct HTTPServerTests {
    @Test func `a connection carries one request after another`() async throws {
        try await withServer(handler: slowly) { server, port in
            let client = try RawClient(port: port)
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            let first = try client.readResponse()
            #expect(first.status == 200)
            #expect(first.text == "GET /a 0")
            #expect(first.fields["date"]?.hasSuffix(" GMT") == true)
            #expect(first.fields["connection"] == nil)
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().text == "slow true", "the handler runs on the loop")
            try client.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            #expect(try client.readResponse().text == "POST /b 3")
            let statistics = await server.statistics
            #expect(statistics.accepted == 1)
            #expect(statistics.requests == 3)
        }
    }

    @Test func `pipelined requests are answered in order though the first is slow`() async throws {
        try await withServer(handler: slowly) { _, port in
            let client = try RawClient(port: port)
            var wire = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
            for number in 0..<600 {
                // Some in tasks, most at once; together more than the server holds back while it is busy.
                let path = number % 100 == 0 ? "/slow" : "/\(number)"
                wire += "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(number)\r\n\r\n"
                wire += String(repeating: "x", count: number)
            }
            try client.send(wire)
            #expect(try client.readResponse().text == "slow true")
            for number in 0..<600 {
                let expected = number % 100 == 0 ? "slow true" : "POST /\(number) \(number)"
                #expect(try client.readResponse().text == expected)
            }
        }
    }

    @Test func `a request may come in any two pieces`() async throws {
        try await withServer(handler: echo) { _, port in
            let client = try RawClient(port: port)
            let chunked =
                "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"
            let pair = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
            for (wire, answers) in [(chunked, ["POST /c 3"]), (pair, ["POST /1 2", "GET /2 0"])] {
                let bytes = Array(wire.utf8)
                for cut in 0...bytes.count {
                    try client.send(Array(bytes[..<cut]))
                    try client.send(Array(bytes[cut...]))
                    for answer in answers { #expect(try client.readResponse().text == answer, "cut at \(cut)") }
                }
            }
        }
    }

    @Test func `content of exactly the limit is taken`() async throws {
        try await withServer(handler: echo) { _, port in
            let client = try RawClient(port: port)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n")
            try client.send([UInt8](repeating: 97, count: 1_048_576))
            #expect(try client.readResponse().text == "POST / 1048576")
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<16 {
                try client.send("10000\r\n")
                try client.send([UInt8](repeating: 97, count: 65_536))
                try client.send("\r\n")
            }
            try client.send("0\r\n\r\n")
            #expect(try client.readResponse().text == "POST / 1048576")
        }
    }

    @Test func `a client that expects 100-continue gets it before it sends its content`() async throws {
        try await withServer(handler: echo) { _, port in
            let client = try RawClient(port: port)
            for framing in ["Content-Length: 3", "Transfer-Encoding: chunked"] {
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\(framing)\r\n\r\n")
                #expect(try client.readHead().status == 100)
                try client.send(framing.hasPrefix("C") ? "abc" : "3\r\nabc\r\n0\r\n\r\n")
                #expect(try client.readResponse().text == "POST / 3")
            }
            // Content that is there already needs no invitation, nor does a request without any.
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
            #expect(try client.readHead().status == 200)
        }
    }

    @Test func `HEAD gets the head of GET and nothing else`() async throws {
        try await withServer { _, request in
            guard request.path == "/stream" else { return .now(.text("hello")) }
            return .now(HTTPResponse(body: .stream { _ in Issue.record("HEAD runs no stream") }))
        } _: { _, port in
            let client = try RawClient(port: port)
            try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try client.readResponse(hasBody: false)
            #expect(response.fields["content-length"] == "5")
            try client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse(hasBody: false).fields["transfer-encoding"] == "chunked")
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().text == "hello")
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n",
        "GET /closing HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    func `the connection is closed when one side wants it so`(wire: String) async throws {
        try await withServer { _, request in
            var response = HTTPResponse.text("ok")
            if request.path == "/closing" { response.headers["Connection"] = "close" }
            return .now(response)
        } _: { _, port in
            let client = try RawClient(port: port)
            try client.send(wire + "GET /not-answered HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try client.readResponse()
            #expect(response.text == "ok")
            #expect(response.fields["connection"] == "close")
            #expect(try client.isAtEnd())
        }
    }

    @Test func `a response's fields cannot break its framing`() async throws {
        try await withServer { _, _ in
            .now(
                HTTPResponse(
                    headers: [
                        "X-Good": "a\r\nX-Bad: b", "Bad Name": "c", "Content-Length": "99",
                        "Transfer-Encoding": "chunked",
                        "Date": "never",
                    ], body: .bytes(Array("four".utf8))))
        } _: { _, port in
            let client = try RawClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try client.readResponse()
            #expect(response.text == "four")
            #expect(response.fields["x-good"] == "a  X-Bad: b")
            #expect(response.fields["x-bad"] == nil)
            #expect(response.fields["bad name"] == nil)
            #expect(response.fields["date"] != "never")
        }
    }

    @Test func `the handler learns who calls`() async throws {
        try await withServer { _, request in
            .now(.text("\(request.remoteAddress) \(request.isLoopback)"))
        } _: { _, port in
            let client = try RawClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().text == "127.0.0.1 true")
        }
    }

    @Test func `IPv6 is listened on where asked for, and takes IPv4 too`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.host = "::"
        do {
            try await withServer(configuration) { _, request in
                .now(.text(request.remoteAddress))
            } _: { _, port in
                let client = try RawClient(port: port)
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readResponse().text == "127.0.0.1")
            }
        } catch HTTPServerError.cannotListen {
            // A machine without IPv6, as in some containers: nothing to show here.
        }
    }

    @Test func `a port in use is an error that says so`() async throws {
        try await withServer(handler: echo) { _, port in
            var configuration = HTTPServerConfiguration()
            configuration.port = port
            await #expect(throws: HTTPServerError.cannotListen(host: "127.0.0.1", port: port, errorNumber: 98)) {
                try await withServer(configuration, handler: echo) { _, _ in }
            }
        }
    }

    @Test func `two loops share a port`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.reusesPort = true
        try await withServer(configuration, handler: { _, _ in .now(.text("one")) }) { _, port in
            configuration.port = port
            try await withServer(configuration, handler: { _, _ in .now(.text("two")) }) { _, _ in
                var seen: Set<String> = []
                for _ in 0..<200 where seen.count < 2 {
                    let client = try RawClient(port: port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    seen.insert(try client.readResponse().text)
                }
                #expect(seen == ["one", "two"])
            }
        }
    }
}
