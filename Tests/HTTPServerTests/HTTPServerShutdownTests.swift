import EventLoop
import HTTPCore
import HTTPServer
import Testing

/// Waits for ever, or until it is cancelled.
private func endless(_ notes: Notes) -> @Sendable (EventLoop, HTTPRequest) -> HTTPResult {
    { loop, request in
        guard request.path != "/now" else { return .now(.text("now")) }
        return .later {
            notes.add("begun")
            do {
                try await loop.sleep(for: .seconds(60))
            } catch {
                notes.add("cancelled")
            }
            return .text("late")
        }
    }
}

@Suite struct HTTPServerShutdownTests {
    @Test func `a client that goes away cancels what runs for it`() async throws {
        let notes = Notes()
        try await withServer(handler: endless(notes)) { server, port in
            var client: RawClient? = try RawClient(port: port)
            try client?.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await eventually { notes.all == ["begun"] })
            client = nil
            #expect(await eventually { notes.all == ["begun", "cancelled"] })
            #expect(await eventually { await server.statistics.connections == 0 })
        }
    }

    @Test func `a client that goes away with a full pipeline is noticed too`() async throws {
        let notes = Notes()
        try await withServer(handler: endless(notes)) { server, port in
            var client: RawClient? = try RawClient(port: port)
            let more = String(repeating: "GET /now HTTP/1.1\r\nHost: a\r\n\r\n", count: 6000)
            try client?.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + more)
            #expect(await eventually { notes.all == ["begun"] })
            client = nil
            #expect(await eventually { notes.all == ["begun", "cancelled"] })
            #expect(await eventually { await server.statistics.connections == 0 })
        }
    }

    @Test func `a client that only ends its sending is still answered`() async throws {
        let notes = Notes()
        try await withServer(handler: endless(notes)) { _, port in
            let client = try RawClient(port: port)
            try client.send("GET /now HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.shutdownWriting()
            #expect(try client.readResponse().text == "now")
            let response = try client.readResponse()
            #expect(response.text == "late")
            #expect(response.fields["connection"] == "close")
            #expect(try client.isAtEnd())
        }
    }

    @Test func `a drain lets requests finish and closes idle connections`() async throws {
        let notes = Notes()
        try await withServer { loop, request in
            .later {
                while request.path == "/slow", notes.all.isEmpty { try? await loop.sleep(for: .milliseconds(2)) }
                return .text("done \(Task.isCancelled)")
            }
        } _: { server, port in
            let busy = try RawClient(port: port)
            let idle = try RawClient(port: port)
            try idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try idle.readResponse().text == "done false")
            try busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await eventually { await server.statistics.requests == 2 })
            // On the loop, since this test may hold the pool's last thread.
            let drain = server.loop.spawn { await server.shutdown(deadline: .seconds(60)) }
            #expect(try idle.isAtEnd())
            notes.add("drain has begun")
            let response = try busy.readResponse()
            #expect(response.text == "done false")
            #expect(response.fields["connection"] == "close")
            #expect(try busy.isAtEnd())
            busy.shutdownWriting()
            await drain.value
            #expect(throws: RawClient.Failure.self) { try RawClient(port: port) }
            #expect(await server.port == 0)
        }
    }

    @Test func `what is not done at the drain's deadline is cancelled and cut`() async throws {
        let notes = Notes()
        try await withServer(handler: endless(notes)) { server, port in
            let client = try RawClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await eventually { notes.all == ["begun"] })
            await server.shutdown(deadline: .milliseconds(30))
            #expect(await eventually { notes.all == ["begun", "cancelled"] })
            #expect(try client.isAtEnd())
        }
    }
}
