import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import HTTPServer
import Synchronization
import Testing

/// Runs a body on a new loop with a client, and shuts the client down.
func withClient<Value: Sendable>(
    _ configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
    _ body: @escaping @Sendable (HTTPClient) async throws -> Value
) throws -> Value {
    let loop = try EventLoop()
    return try loop.run {
        let client = HTTPClient(loop: loop, configuration: configuration)
        do {
            let value = try await body(client)
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

/// The error of a request that must fail.
func failure(of client: HTTPClient, _ request: HTTPClientRequest) async -> HTTPClientError? {
    do {
        _ = try await client.send(request)
        return nil
    } catch {
        return error
    }
}

@Suite struct HTTPClientTests {
    @Test func `requests in a row share one connection`() throws {
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() { connection.answer(String(head.prefix(8))) }
        }
        defer { server.stop() }
        let bodies = try withClient { client in
            var bodies: [String] = []
            for index in 0..<5 {
                let answer = try await client.send(HTTPClientRequest(url: server.url("/\(index)")))
                bodies.append(String(decoding: answer.body, as: UTF8.self))
            }
            return bodies
        }
        #expect(bodies == (0..<5).map { "GET /\($0) H" })
        #expect(server.accepted.load(ordering: .relaxed) == 1)
    }

    @Test(arguments: [
        (HTTPMethod.get, 0, "GET", false), (.post, 0, "POST", true), (.post, 3, "POST", true), (.put, 5, "PUT", true),
        (.delete, 0, "DELETE", false), (.patch, 7, "PATCH", true), (.post, 3_000_000, "POST", true),
        (HTTPMethod("PROPFIND"), 4, "PROPFIND", true),
    ])
    func `method and content reach the server as they are`(
        method: HTTPMethod, size: Int, word: String, hasLength: Bool
    ) throws {
        let heads = Mutex<[String]>([])
        let server = ScriptedServer { connection in
            while let (head, content) = connection.request() {
                heads.withLock { $0.append(head) }
                let sum = content.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFFFF }
                connection.answer("\(content.count) \(sum)")
            }
        }
        defer { server.stop() }
        let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let sum = content.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFFFF }
        let answer = try withClient { client in
            // A request of another shape first, so that nothing of it may stick to the handle.
            _ = try await client.send(
                HTTPClientRequest(
                    method: .put, url: server.url("/first"), headers: ["X-First": "1"], body: Array("first".utf8)))
            return try await client.send(
                HTTPClientRequest(
                    method: method, url: server.url("/x?y=1"), headers: ["X-Empty": "", "X-Name": "ä"], body: content))
        }
        #expect(String(decoding: answer.body, as: UTF8.self) == "\(size) \(sum)")
        let head = heads.withLock { $0[1] }
        #expect(head.hasPrefix("\(word) /x?y=1 HTTP/1.1\r\n"))
        let lines = head.split(separator: "\r\n").map { $0.lowercased() }
        #expect(lines.contains { $0.hasPrefix("content-length:") } == hasLength)
        #expect(lines.contains("x-empty:") && lines.contains("x-name: ä"))
        #expect(!lines.contains { $0.hasPrefix("expect") || $0.hasPrefix("content-type") || $0.hasPrefix("x-first") })
    }

    @Test func `an answer to HEAD has fields and no content`() throws {
        let server = ScriptedServer { connection in
            while connection.request() != nil {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-A: b\r\n\r\n")
            }
        }
        defer { server.stop() }
        let (head, after) = try withClient { client in
            let head = try await client.send(HTTPClientRequest(method: .head, url: server.url()))
            return (head, try await client.send(HTTPClientRequest(method: .head, url: server.url())))
        }
        #expect(head.status == .ok && head.body.isEmpty && head.headers["x-a"] == "b")
        #expect(after.status == .ok && server.accepted.load(ordering: .relaxed) == 1)
    }

    @Test func `fields are those of the last head, in order, with repeats`() throws {
        let server = ScriptedServer { connection in
            while connection.request() != nil {
                connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
                connection.write(
                    "HTTP/1.1 404 Gone fishing\r\nSet-Cookie: a\r\nset-cookie:  b \r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n")
            }
        }
        defer { server.stop() }
        let answer = try withClient { try await $0.send(HTTPClientRequest(url: server.url())) }
        #expect(answer.status == .notFound)
        #expect(answer.headers.values(of: "Set-Cookie") == ["a", "b"])
        #expect(answer.headers["link"] == nil && answer.headers["x-trailer"] == nil)
        #expect(answer.body == Array("abcde".utf8))
    }

    @Test(arguments: [
        ("file:///etc/passwd", HTTPClientError.Code.unsupportedProtocol), ("ftp://127.0.0.1/x", .unsupportedProtocol),
        ("gopher://127.0.0.1/x", .unsupportedProtocol), ("", .badURL), ("http://", .badURL),
        ("http://127.0.0.1:1/a\u{0}b", .badURL), ("http://127.0.0.1:1/a b", .badURL),
        ("http://127.0.0.1:99999/", .badURL),
        ("http://127.0.0.1:1/secret?token=x", .connect), ("http://no-such-host.invalid/secret", .dns),
    ])
    func `what cannot be sent is refused, and the error keeps the URL to itself`(
        url: String, code: HTTPClientError.Code
    ) throws {
        let error = try #require(try withClient { await failure(of: $0, HTTPClientRequest(url: url)) })
        #expect(error.code == code)
        #expect(!error.mayHaveBeenProcessed)
        #expect(!error.message.contains("secret") && !error.message.contains("token"))
    }

    @Test(arguments: [
        ("X-A", "b\r\nX-Evil: 1"), ("X-A", "b\nc"), ("X-A", "a\u{0}"), ("X A", "b"), ("X-A:", "b"), ("", "b"),
        ("X\r\nY", "b"),
    ])
    func `a field that would break the request is refused`(name: String, value: String) throws {
        let server = ScriptedServer { connection in
            while connection.request() != nil { connection.answer("") }
        }
        defer { server.stop() }
        let (error, good) = try withClient { client in
            var headers = HTTPFields()
            headers.append(name, value)
            let error = await failure(of: client, HTTPClientRequest(url: server.url(), headers: headers))
            return (error, try await client.send(HTTPClientRequest(url: server.url())))
        }
        #expect(error?.code == .badRequest && error?.mayHaveBeenProcessed == false)
        #expect(good.status == .ok)
    }

    @Test func `a redirect is handed over unless the request allows it`() throws {
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() {
                if head.hasPrefix("GET /old") {
                    connection.answer("moved", status: "302 Found", fields: "Location: /new\r\n")
                } else if head.hasPrefix("GET /file") {
                    connection.answer("", status: "302 Found", fields: "Location: file:///etc/passwd\r\n")
                } else {
                    connection.answer("new")
                }
            }
        }
        defer { server.stop() }
        try withClient { client in
            let kept = try await client.send(HTTPClientRequest(url: server.url("/old")))
            #expect(kept.status == HTTPStatus(302) && kept.headers["Location"] == "/new")
            let followed = try await client.send(HTTPClientRequest(url: server.url("/old"), maxRedirects: 1))
            #expect(followed.status == .ok && followed.body == Array("new".utf8))
            let stream = try await client.stream(HTTPClientRequest(url: server.url("/old"), maxRedirects: 1))
            #expect(stream.status == .ok)
            let followedBody = try await stream.body.collect()
            #expect(followedBody == Array("new".utf8))
            let again = try await client.send(HTTPClientRequest(url: server.url("/old")))
            #expect(again.status == HTTPStatus(302))
            #expect(await failure(of: client, HTTPClientRequest(url: server.url("/file"), maxRedirects: 3)) != nil)
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", HTTPClientError.Code.connectionCut(insideAnswer: true)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", .connectionCut(insideAnswer: true)),
        ("HTTP/1.1 200 OK\r\nContent-", .connectionCut(insideAnswer: true)),
        ("", .connectionCut(insideAnswer: false)),
        ("hello, this is not HTTP\r\n\r\n", .malformedAnswer),
        ("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", .malformedAnswer),
    ])
    func `half an answer is an error`(wire: String, code: HTTPClientError.Code) throws {
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            connection.write(wire)
        }
        defer { server.stop() }
        let error = try #require(
            try withClient {
                await failure(of: $0, HTTPClientRequest(method: .post, url: server.url(), body: [1]))
            })
        #expect(error.code == code)
        #expect(error.mayHaveBeenProcessed)
    }

    @Test func `a request on a pooled connection that the server closed is sent again on a new one`() throws {
        let seen = Mutex<[String]>([])
        let closed = Signal()
        let server = ScriptedServer { connection in
            if let (_, content) = connection.request() {
                seen.withLock { $0.append(String(decoding: content, as: UTF8.self)) }
                connection.answer("ok")
            }
            shutdown(connection.descriptor, Int32(SHUT_RDWR))
            closed.raise()
        }
        defer { server.stop() }
        try withClient { client in
            let first = try await client.send(
                HTTPClientRequest(method: .post, url: server.url(), body: Array("one".utf8)))
            #expect(first.status == .ok)
            #expect(await closed.wait(on: client.loop))
            let second = try await client.send(
                HTTPClientRequest(method: .post, url: server.url(), body: Array("two".utf8)))
            #expect(second.status == .ok)
        }
        #expect(seen.withLock { $0 } == ["one", "two"])
        #expect(server.accepted.load(ordering: .relaxed) == 2)
    }

    @Test(arguments: [true, false])
    func `a request that a server took before it went away may have been processed`(isRepeatable: Bool) throws {
        let box = Mutex<ScriptedServer?>(nil)
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            connection.answer("ok")
            guard connection.request() != nil else { return }
            // Gone before the connection is: where curl begins anew, nobody is there.
            box.withLock { $0?.stop() }
            usleep(50_000)
            shutdown(connection.descriptor, Int32(SHUT_RDWR))
        }
        box.withLock { $0 = server }
        try withClient { client in
            let request = HTTPClientRequest(method: .post, url: server.url(), body: [1], isRepeatable: isRepeatable)
            #expect(try await client.send(request).status == .ok)
            let error = try #require(await failure(of: client, request))
            #expect(error.mayHaveBeenProcessed, "\(error.code)")
        }
    }

    @Test func `an answer over the limit is given up`() throws {
        let server = ScriptedServer { connection in
            while connection.request() != nil { connection.answer(String(repeating: "x", count: 100_000)) }
        }
        defer { server.stop() }
        try withClient { client in
            let error = await failure(of: client, HTTPClientRequest(url: server.url(), maxResponseBytes: 99_999))
            #expect(error?.code == .tooLarge)
            let exact = try await client.send(HTTPClientRequest(url: server.url(), maxResponseBytes: 100_000))
            #expect(exact.body.count == 100_000)
        }
    }

    @Test func `endless header lines are given up`() throws {
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\n")
            let line = "X-Filler: \(String(repeating: "f", count: 1000))\r\n"
            for _ in 0..<1000 { guard connection.write(line) else { return } }
            connection.answer("")
        }
        defer { server.stop() }
        let error = try withClient { await failure(of: $0, HTTPClientRequest(url: server.url())) }
        #expect(error != nil)
    }

    @Test func `a compressed answer is decoded when asked for`() throws {
        let gzip: [UInt8] = [
            0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 7, 0, 0x86, 0xA6, 0x10, 0x36, 5, 0, 0, 0,
        ]
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() {
                if head.lowercased().contains("accept-encoding:") {
                    connection.write(
                        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(gzip.count)\r\n\r\n")
                    connection.write(gzip)
                } else {
                    connection.answer("plain")
                }
            }
        }
        defer { server.stop() }
        try withClient { client in
            let decoded = try await client.send(HTTPClientRequest(url: server.url(), acceptsCompressed: true))
            #expect(String(decoding: decoded.body, as: UTF8.self) == "hello")
            let plain = try await client.send(HTTPClientRequest(url: server.url()))
            #expect(String(decoding: plain.body, as: UTF8.self) == "plain")
        }
    }

    @Test func `a thousand transfers are in flight at once`() throws {
        let waiting = Atomic<Int>(0)
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            waiting.add(1, ordering: .relaxed)
            // Nobody is answered before all have asked.
            for _ in 0..<36_000 where waiting.load(ordering: .relaxed) < 1000 { usleep(5_000) }
            connection.answer("ok")
        }
        defer { server.stop() }
        let count = try withClient { client in
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<1000 {
                    group.addTask {
                        // A thread each at the server takes a minute and more under the thread sanitizer.
                        let patience = Duration.seconds(300)
                        let request = HTTPClientRequest(
                            method: .post, url: server.url(), body: [1],
                            timeouts: .init(connect: patience, firstByte: patience, idle: patience, total: patience))
                        return (try? await client.send(request))?.status == .ok
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
        }
        #expect(count == 1000)
        #expect(waiting.load(ordering: .relaxed) == 1000)
    }

    @Test func `shutdown ends what runs and refuses what comes`() throws {
        let asked = Signal()
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            asked.raise()
            _ = connection.waitForClose()
        }
        defer { server.stop() }
        try withClient { client in
            async let running = failure(of: client, HTTPClientRequest(url: server.url()))
            #expect(await asked.wait(on: client.loop))
            await client.shutdown()
            #expect(await running?.code == .cancelled)
            let later = await failure(of: client, HTTPClientRequest(url: server.url()))
            #expect(later?.code == .cancelled && later?.mayHaveBeenProcessed == false)
        }
    }
}

@Suite struct HTTPClientIsolationTests {
    @Test func `a task outside the loop may send`() async throws {
        let loop = try EventLoop()
        loop.startThread(name: "client")
        defer { loop.stop() }
        let server = HTTPServer(on: loop) { _ in .now(.text("here")) }
        try await server.start()
        let client = HTTPClient(loop: loop)
        let url = "http://127.0.0.1:\(await server.port)/"
        // No executor preference here: only the client's own isolation brings its work to the loop.
        let whole = try await client.send(HTTPClientRequest(url: url))
        #expect(whole.body == Array("here".utf8))
        let stream = try await client.stream(HTTPClientRequest(url: url))
        #expect(try await stream.body.collect() == Array("here".utf8))
        await client.shutdown()
        await server.shutdown(deadline: .seconds(1))
    }
}
