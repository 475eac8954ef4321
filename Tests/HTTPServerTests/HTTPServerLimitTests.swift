import EventLoop
import Glibc
import HTTPCore
import HTTPServer
import Synchronization
import Testing

private func ok(_ loop: EventLoop, _ request: HTTPRequest) -> HTTPResult { .now(.text("ok")) }

@Suite struct HTTPServerLimitTests {
    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400, "missing_host"),
        ("GET / HTTP/1.1\nHost: a\n\n", 400, "bare_line_feed"),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "version_not_supported"),
        ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414, "target_too_long"),
        ("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 20_000))\r\n\r\n", 431, "headers_too_large"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "transfer_coding_not_supported"),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, "expectation_failed"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1500000\r\n\r\n", 413, "content_too_large"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400,
            "repeated_content_length"
        ),
    ])
    func `a refused request gets its status and an error body, then the end`(wire: String, status: Int, code: String)
        async throws
    {
        try await withServer(handler: ok) { server, port in
            let client = try RawClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + wire + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
            // Enough to be still on its way when the refusal is sent.
            try client.send([UInt8](repeating: 97, count: 900_000))
            #expect(try client.readResponse().text == "ok")
            let response = try client.readResponse()
            #expect(response.status == status)
            #expect(response.fields["connection"] == "close")
            #expect(response.fields["content-type"] == "application/json")
            #expect(response.text.hasPrefix(#"{"error":{"code":"\#(code)","message":""#))
            #expect(try client.isAtEnd())
            let statistics = await server.statistics
            #expect(statistics.requests == 1)
            #expect(statistics.refused == 1)
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "head_timeout"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", "body_timeout"),
    ])
    func `bytes now and then do not put a deadline off`(start: String, code: String) async throws {
        var configuration = HTTPServerConfiguration()
        if code == "head_timeout" {
            configuration.headDeadline = .milliseconds(500)
        } else {
            configuration.bodyDeadline = .milliseconds(150)
        }
        try await withServer(configuration, handler: ok) { _, port in
            let begin = ContinuousClock.now
            let client = try RawClient(port: port)
            try client.send(start)
            while !client.hasInput(within: 10) { try client.send("x") }
            #expect(ContinuousClock.now - begin >= .milliseconds(140))
            let response = try client.readResponse()
            #expect(response.status == 408)
            #expect(response.text.contains(code))
            #expect(try client.isAtEnd())
        }
    }

    @Test func `a connection that never speaks and one that falls silent are closed`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.headDeadline = .seconds(2)
        configuration.keepAliveIdle = .milliseconds(50)
        try await withServer(configuration, handler: ok) { _, port in
            let silent = try RawClient(port: port)
            #expect(try silent.isAtEnd())
            let idle = try RawClient(port: port)
            try idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try idle.readResponse().text == "ok")
            #expect(try idle.isAtEnd())
        }
    }

    @Test func `a handler may take longer than any deadline of the client's`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.bodyDeadline = .milliseconds(20)
        configuration.keepAliveIdle = .milliseconds(20)
        configuration.writeStall = .milliseconds(20)
        try await withServer(configuration) { loop, _ in
            .later {
                do { try await loop.sleep(for: .milliseconds(120)) } catch { return .text("cancelled") }
                return .text("done")
            }
        } _: { _, port in
            let client = try RawClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().text == "done")
        }
    }

    @Test func `a client that takes nothing is cut off`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.writeStall = .milliseconds(100)
        try await withServer(configuration) { _, _ in
            .now(HTTPResponse(body: .bytes([UInt8](repeating: 1, count: 32_000_000))))
        } _: { server, port in
            let client = try RawClient(port: port, receiveBuffer: 65_536)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await eventually { await server.statistics.requests == 1 })
            #expect(await eventually { await server.statistics.connections == 0 })
            #expect(throws: RawClient.Failure.self) { try client.readResponse() }
        }
    }

    @Test func `while all connections are being answered, more than the cap are told to come back`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maxConnections = 2
        try await withServer(configuration) { loop, request in
            guard request.path == "/wait" else { return .now(.text("ok")) }
            return .later {
                try? await loop.sleep(for: .seconds(600))
                return .text("late")
            }
        } _: { server, port in
            var busy: [RawClient] = []
            for _ in 0..<2 {
                let client = try RawClient(port: port)
                try client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                busy.append(client)
            }
            #expect(await eventually { await server.statistics.requests == 2 })
            // More than are heard out at a time, so that accepting pauses and goes on again.
            let refused = try (0..<100).map { _ in try RawClient(port: port) }
            for client in refused {
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                let response = try client.readResponse()
                #expect(response.status == 503)
                #expect(response.fields["retry-after"] == "1")
                #expect(try client.isAtEnd())
                client.shutdownWriting()
            }
            busy.removeFirst()
            #expect(await eventually { await server.statistics.connections == 1 })
            let next = try RawClient(port: port)
            try next.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try next.readResponse().text == "ok")
            #expect(await server.statistics.overflowed == 100)
        }
    }

    @Test func `a newcomer at the cap takes the place of the one that was idle for longest`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maxConnections = 3
        try await withServer(configuration, handler: ok) { server, port in
            func speak(_ client: RawClient) throws {
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readResponse().text == "ok")
            }
            let half = try RawClient(port: port)
            try half.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
            #expect(await eventually { await server.statistics.connections == 1 })
            let (first, second) = (try RawClient(port: port), try RawClient(port: port))
            try speak(first)
            try speak(second)
            try speak(first)
            // One after the other: each displaces the one that has been silent for longest.
            let third = try RawClient(port: port)
            try speak(third)
            #expect(try second.isAtEnd())
            let fourth = try RawClient(port: port)
            try speak(fourth)
            #expect(try first.isAtEnd())
            #expect(await server.statistics.displaced == 2)
            // Idle ones give way first, so the unfinished request is still there.
            try half.send("x\r\n\r\n")
            #expect(try half.readResponse().text == "ok")
            try speak(fourth)
            #expect(await server.statistics.overflowed == 0)
        }
    }

    @Test func `an unfinished request gives way to a newcomer where nobody is idle`() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maxConnections = 20
        try await withServer(configuration, handler: ok) { server, port in
            let slow = try (0..<20).map { _ in
                let client = try RawClient(port: port)
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123")
                return client
            }
            #expect(await eventually { await server.statistics.connections == 20 })
            // What was sent may not have been read yet: only what has begun to arrive is no longer idle.
            for client in slow { try client.send("4") }
            let next = try RawClient(port: port)
            try next.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try next.readResponse().text == "ok")
            #expect(await server.statistics.displaced == 1)
            #expect(await server.statistics.overflowed == 0)
        }
    }

    @Test func `of requests that come at once all are answered, thirty-two in a turn of the loop`() async throws {
        let turns = Mutex<[Int]>([])
        try await withServer { loop, request in
            if request.path == "/hold" {
                // The loop stands still until all the others' requests are there.
                loop.execute { usleep(300_000) }
            } else {
                turns.withLock { taken in
                    if taken.last ?? 0 == 0 {
                        taken.append(0)
                        loop.beforePolling { turns.withLock { $0.append(0) } }
                    }
                    taken[taken.count - 1] += 1
                }
            }
            return .now(.text("yes"))
        } _: { _, port in
            let holder = try RawClient(port: port)
            let clients = try (0..<100).map { _ in try RawClient(port: port) }
            try holder.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
            for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
            for client in [holder] + clients { #expect(try client.readResponse().text == "yes") }
        }
        let taken = turns.withLock { $0 }
        #expect(taken.reduce(0, +) == 100)
        #expect(taken.max() ?? 0 <= 32, "\(taken)")
    }
}
