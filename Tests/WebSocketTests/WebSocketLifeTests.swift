import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import TestSupport
import Testing

@testable import WebSocket

/// How connections begin and end.
@Suite struct WebSocketLifeTests {
    // MARK: Beginnings

    @Test(arguments: [(401, 401), (404, 404), (429, 429), (302, 302), (200, 200), (503, 503)])
    func `a refusal carries its status`(_ status: Int, _ expected: Int) throws {
        let error = try withSockets(answer: { _ in .now(.text("no", status: HTTPStatus(status))) }) { sockets in
            await #expect(throws: WebSocketError.self) { _ = try await sockets.connect() }
        }
        #expect(error?.code == .refused(HTTPStatus(expected)))
        #expect(error?.message.contains("socket/") == false)
    }

    @Test func `nobody there is not connected`() throws {
        let port = TestEnvironment.freePort()
        let error = try withSockets(answer: echo) { sockets in
            await #expect(throws: WebSocketError.self) {
                _ = try await WebSocketClient(sockets.http).connect("ws://127.0.0.1:\(port)/secret")
            }
        }
        #expect(error?.code == .notConnected(.connect))
    }

    @Test func `a server that does not answer the handshake is given up`() throws {
        let error = try withSockets(answer: { _ in
            .later {
                try? await Task.sleep(for: .seconds(60))
                return .text("late")
            }
        }) { sockets in
            await #expect(throws: WebSocketError.self) {
                _ = try await sockets.connect(timeouts: WebSocketTimeouts(handshake: .milliseconds(100)))
            }
        }
        #expect(error?.code == .timeout(.handshake))
    }

    @Test func `a cancelled connect ends at once, and the server sees it`() throws {
        let cancelled = Box<Bool>()
        let error = try withSockets(answer: { _ in
            .later {
                do { try await Task.sleep(for: .seconds(60)) } catch { cancelled.add(true) }
                return .text("late")
            }
        }) { sockets in
            let result = Box<WebSocketError>()
            let task = sockets.loop.spawn {
                do { _ = try await sockets.connect() } catch {
                    if let error = error as? WebSocketError { result.add(error) }
                }
            }
            try await sockets.loop.sleep(for: .milliseconds(100))
            task.cancel()
            await task.value
            #expect(await eventually { !cancelled.all.isEmpty })
            return result.all.first
        }
        #expect(error?.code == .cancelled)
    }

    @Test func `a plain request at a WebSocket's path is told so`() throws {
        try withSockets(answer: echo) { sockets in
            let answer = try await sockets.http.send(HTTPClientRequest(url: "http://127.0.0.1:\(sockets.port)/"))
            #expect(answer.status.code == 426)
            #expect(answer.header("Upgrade") == "websocket")
        }
    }

    @Test func `an upgrade of HTTP 1.0 is refused`() throws {
        try withSockets(answer: echo) { sockets in
            let peer = RawPeer(
                try await sockets.http.connect(to: "http://127.0.0.1:\(sockets.port)/", deadline: .seconds(30)))
            let head =
                "GET / HTTP/1.0\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: \(WebSocketHandshakeTests.key)\r\nSec-WebSocket-Version: 13\r\n\r\n"
            try await peer.write(Array(head.utf8))
            #expect(try await peer.readToEnd().starts(with: "HTTP/1.1 400 ".utf8))
        }
    }

    // MARK: Ends

    @Test func `a server's code and reason arrive`() throws {
        let closure = try withSockets(answer: { request in
            .webSocket(request) { await $0.close(WebSocketCloseCode(rawValue: 4004), reason: "bad token") }
        }) { sockets in
            let connection = try await sockets.connect()
            #expect(try await connection.receive() == nil)
            await #expect(throws: WebSocketError.self) { try await connection.send(text: "x") }
            return await connection.closure
        }
        #expect(closure == WebSocketClosure(code: .init(rawValue: 4004), reason: "bad token", isClean: true))
    }

    @Test func `a connection that is cut is lost`() throws {
        let error = try withSockets(answer: { request in scripted(request) { _ in } }) { sockets in
            let connection = try await sockets.connect()
            let error = await #expect(throws: WebSocketError.self) { try await connection.receive() }
            #expect(await connection.closure?.code == .abnormal)
            return error
        }
        #expect(error?.code == .connectionLost)
    }

    @Test func `a peer that does not answer the close frame is left after the deadline`() throws {
        try withSockets(answer: { request in
            scripted(request) { peer in _ = try await peer.readToEnd() }
        }) { sockets in
            let connection = try await sockets.connect(timeouts: WebSocketTimeouts(close: .milliseconds(100)))
            await connection.close()
            #expect(await connection.closure == WebSocketClosure(code: .abnormal, reason: "", isClean: false))
            #expect(await connection.transport == nil)
        }
    }

    @Test func `cancelling a reader closes the socket`() throws {
        let ended = Box<[UInt8]>()
        try withSockets(answer: { request in
            scripted(request) { peer in ended.add(try await peer.readToEnd()) }
        }) { sockets in
            let connection = try await sockets.connect()
            let result = Box<WebSocketError.Code>()
            let task = sockets.loop.spawn {
                do throws(WebSocketError) { _ = try await connection.receive() } catch { result.add(error.code) }
            }
            try await sockets.loop.sleep(for: .milliseconds(50))
            task.cancel()
            await task.value
            #expect(result.all == [.cancelled])
            #expect(await eventually { ended.all == [[]] })
        }
    }

    @Test func `letting a connection go closes the socket`() throws {
        let ended = Box<[UInt8]>()
        try withSockets(answer: { request in
            scripted(request) { peer in ended.add(try await peer.readToEnd()) }
        }) { sockets in
            _ = try await sockets.connect()
            #expect(await eventually { ended.all == [[]] })
        }
    }

    @Test func `a server that drains says 1001, and waits for the answer`() throws {
        let closure = try withSockets(answer: echo) { sockets in
            let connection = try await sockets.connect()
            try await connection.send(text: "a")
            #expect(try await connection.receive() == .text("a"))
            async let drained: Void = sockets.server.shutdown(deadline: .seconds(30))
            #expect(try await connection.receive() == nil)
            await drained
            return await connection.closure
        }
        #expect(closure == WebSocketClosure(code: .goingAway, reason: "the server stops", isClean: true))
    }

    @Test func `a drain's deadline cuts those who do not answer, and cancels the handler`() throws {
        let ends = Box<String>()
        try withSockets(answer: { request in
            .webSocket(request) { connection in
                do { try await connection.loop.sleep(for: .seconds(60)) } catch { ends.add("cancelled") }
            }
        }) { sockets in
            let peer = try await sockets.connectRaw()
            await sockets.server.shutdown(deadline: .milliseconds(50))
            #expect(await eventually { ends.all == ["cancelled"] })
            #expect(try await peer.readToEnd().starts(with: [0x88]))
        }
    }

    @Test func `open connections are counted by the server, and no more when they end`() throws {
        try withSockets(answer: echo) { sockets in
            let connection = try await sockets.connect()
            #expect(await sockets.server.statistics.connections == 1)
            await connection.close()
            #expect(await eventually { await sockets.server.statistics.connections == 0 })
        }
    }
}
