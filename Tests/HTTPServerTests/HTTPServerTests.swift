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
            for number in 0..<200 {
                wire += "POST /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: \(number)\r\n\r\n"
                wire += String(repeating: "x", count: number)
            }
            try client.send(wire)
            #expect(try client.readResponse().text == "slow true")
            for number in 0..<200 { #expect(try client.readResponse().text == "POST /\(number) \(number)") }
        }
    }
}
