import EventLoop
import HTTPCore
import HTTPServer
import Synchronization
import Testing

/// How far a stream has come, from any thread.
private final class Progress: Sendable {
    let pieces = Atomic<Int>(0)
}

@Suite struct HTTPServerStreamTests {
    @Test func `a stream arrives in chunks as it is written`() async throws {
        try await withServer { loop, _ in
            .now(
                HTTPResponse(
                    body: .stream { writer in
                        try await writer.write("first")
                        try await writer.write("")
                        try await loop.sleep(for: .milliseconds(20))
                        #expect(loop.isCurrent)
                        try await writer.write("second")
                    }))
        } _: { _, port in
            let client = try RawClient(port: port)
            for _ in 0..<2 {
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readHead().fields["transfer-encoding"] == "chunked")
                #expect(try client.readChunk() == Array("first".utf8))
                #expect(try client.readChunk() == Array("second".utf8))
                #expect(try client.readChunk() == nil)
            }
        }
    }

    @Test func `a stream for HTTP 1.0 ends with the connection`() async throws {
        try await withServer { _, _ in
            .later { HTTPResponse(body: .stream { try await $0.write("plain") }) }
        } _: { _, port in
            let client = try RawClient(port: port)
            try client.send("GET / HTTP/1.0\r\n\r\n")
            let response = try client.readResponse()
            #expect(response.fields["transfer-encoding"] == nil)
            #expect(response.text == "plain")
        }
    }

    @Test func `a slow reader holds the writer back and gets everything in the end`() async throws {
        let progress = Progress()
        let piece = [UInt8](repeating: 120, count: 65_536)
        let total = 1024
        try await withServer { _, _ in
            .now(
                HTTPResponse(
                    body: .stream { writer in
                        for _ in 0..<total {
                            try await writer.write(piece)
                            progress.pieces.add(1, ordering: .relaxed)
                        }
                    }))
        } _: { _, port in
            let client = try RawClient(port: port, receiveBuffer: 65_536)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            // Until the writer stands still: the socket's buffers are full then.
            var last = 0
            _ = await eventually {
                let now = progress.pieces.load(ordering: .relaxed)
                defer { last = now }
                guard now > 0, now == last else { return false }
                try? await Task.sleep(for: .milliseconds(20))
                return progress.pieces.load(ordering: .relaxed) == now
            }
            // The kernel may hold some megabytes (net.ipv4.tcp_wmem), the server 64 KiB and a piece: not all of 64 MiB.
            #expect(progress.pieces.load(ordering: .relaxed) < total / 2)
            var bytes = 0
            _ = try client.readHead()
            while let chunk = try client.readChunk() { bytes += chunk.count }
            #expect(bytes == total * piece.count)
        }
    }

    @Test func `a large response reaches a client that reads late`() async throws {
        let body = (0..<8_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try await withServer { _, _ in
            .now(HTTPResponse(body: .bytes(body)))
        } _: { server, port in
            let client = try RawClient(port: port, receiveBuffer: 65_536)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await eventually { await server.statistics.requests > 0 })
            #expect(try client.readResponse().body == body)
            #expect(try client.readResponse().body == body)
        }
    }

    @Test func `server-sent events carry any text`() async throws {
        try await withServer { _, _ in
            .now(
                .eventStream { events in
                    try await events.send(data: "one")
                    try await events.send(event: "up\ndate", id: "7", data: "a\nb\r\nc\rd\n")
                    try await events.sendComment("still here")
                })
        } _: { _, port in
            let client = try RawClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try client.readResponse()
            #expect(response.fields["content-type"] == "text/event-stream")
            #expect(response.fields["cache-control"] == "no-store")
            #expect(
                response.text == "data: one\n\nevent: update\nid: 7\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"
                    + ": still here\n\n")
        }
    }

    @Test func `a client that goes away cancels its stream and makes the writer throw`() async throws {
        let notes = Notes()
        try await withServer { loop, request in
            .now(
                HTTPResponse(
                    body: .stream { writer in
                        do {
                            try await writer.write("begun")
                            if request.path == "/waiting" {
                                try await loop.sleep(for: .seconds(60))
                            } else {
                                while true { try await writer.write([UInt8](repeating: 0, count: 65_536)) }
                            }
                        } catch is CancellationError {
                            notes.add("cancelled")
                            do { try await writer.write("more") } catch { notes.add("\(error)") }
                            throw CancellationError()
                        } catch {
                            notes.add("\(error) \(Task.isCancelled)")
                            throw error
                        }
                    }))
        } _: { server, port in
            for path in ["/waiting", "/writing"] {
                let client = try RawClient(port: port)
                try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.readHead().status == 200)
            }
            #expect(await eventually { notes.all.count == 3 })
            let closed = "\(HTTPServerError.connectionClosed)"
            #expect(Set(notes.all) == ["cancelled", closed, closed + " true"])
            #expect(await eventually { await server.statistics.connections == 0 })
        }
    }

    @Test func `a stream that fails is cut so that the client can tell`() async throws {
        struct Fault: Error {}
        try await withServer { _, _ in
            .now(
                HTTPResponse(
                    body: .stream { writer in
                        try await writer.write("half")
                        throw Fault()
                    }))
        } _: { _, port in
            let client = try RawClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try client.readHead()
            #expect(try client.readChunk() == Array("half".utf8))
            #expect(throws: RawClient.Failure.self) { try client.readChunk() }
            let old = try RawClient(port: port)
            try old.send("GET / HTTP/1.0\r\n\r\n")
            #expect(throws: RawClient.Failure.self) { try old.readResponse() }
        }
    }
}
