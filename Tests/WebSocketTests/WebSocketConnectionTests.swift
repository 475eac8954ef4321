import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import TestSupport
import Testing

@testable import WebSocket

/// Our client and our server, with each other and with peers that break the rules.
@Suite struct WebSocketConnectionTests {
    // MARK: Messages

    @Test func `messages of all sizes come back as they went`() throws {
        let closure = try withSockets(answer: echo) { sockets in
            let connection = try await sockets.connect()
            for count in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                async let sending: Void = connection.send(.binary(bytes))
                #expect(try await connection.receive() == .binary(bytes), "\(count) bytes")
                try await sending
            }
            for text in ["", "a", "κόσμε 🎉", String(repeating: "日本", count: 40_000)] {
                async let sending: Void = connection.send(text: text)
                #expect(try await connection.receive() == .text(text))
                try await sending
            }
            await connection.close(.normal, reason: "done")
            #expect(try await connection.receive() == nil)
            return await connection.closure
        }
        #expect(closure == WebSocketClosure(code: .normal, reason: "", isClean: true))
    }

    @Test func `a thousand messages come back in order`() throws {
        try withSockets(answer: echo) { sockets in
            let connection = try await sockets.connect()
            let sender = sockets.loop.spawn {
                for number in 0..<1000 { try? await connection.send(text: "\(number)") }
            }
            for number in 0..<1000 { #expect(try await connection.receive() == .text("\(number)")) }
            await sender.value
            await connection.close()
        }
    }

    @Test func `16 MiB are taken and one byte more is refused with 1009`() throws {
        try withSockets(answer: echo) { sockets in
            let connection = try await sockets.connect()
            let bytes = [UInt8](repeating: 5, count: 16 << 20)
            async let sending: Void = connection.send(.binary(bytes))
            #expect(try await connection.receive() == .binary(bytes))
            try await sending
            try? await connection.send(.binary(bytes + [1]))
            #expect(try await connection.receive() == nil)
            #expect(await connection.closure?.code == .messageTooBig)
        }
    }

    @Test func `a subprotocol is agreed on`() throws {
        try withSockets(answer: echo) { sockets in
            let connection = try await sockets.connect(subprotocols: ["echo", "other"])
            #expect(connection.subprotocol == "echo")
            let other = try await sockets.connect(subprotocols: ["other"])
            #expect(other.subprotocol == nil)
            await connection.close()
            await other.close()
        }
    }

    @Test func `frames behind the handshake in the same packet are read`() throws {
        try withSockets(answer: { request in
            scripted(request) { peer in
                try await peer.write(frame(.text, "first".utf8) + frame(.text, "second".utf8))
                _ = try await peer.readToEnd()
            }
        }) { sockets in
            let connection = try await sockets.connect()
            #expect(try await connection.receive() == .text("first"))
            #expect(try await connection.receive() == .text("second"))
            await connection.cut()
        }
        // And the server's side: bytes behind the request.
        try withSockets(answer: echo) { sockets in
            let peer = RawPeer(
                try await sockets.http.connect(to: "http://127.0.0.1:\(sockets.port)/", deadline: .seconds(30)))
            let head =
                "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: \(WebSocketHandshakeTests.key)\r\nSec-WebSocket-Version: 13\r\n\r\n"
            try await peer.write(Array(head.utf8) + frame(.text, "early".utf8, mask: 0x0102_0304))
            try await peer.readHead()
            #expect(try await peer.read(atLeast: 7) == frame(.text, "early".utf8))
            await peer.close()
        }
    }

    // MARK: Backpressure

    @Test func `a sender waits while nobody reads, and goes on when somebody does`() throws {
        let mayRead = Box<Bool>()
        try withSockets(answer: { request in
            .webSocket(request) { connection in
                while mayRead.all.isEmpty { try? await connection.loop.sleep(for: .milliseconds(5)) }
                do {
                    for try await message in connection.messages where message == .text("last") {
                        try await connection.send(.text("done"))
                    }
                } catch {}
            }
        }) { sockets in
            let connection = try await sockets.connect()
            let sent = Box<Int>()
            let chunk = [UInt8](repeating: 1, count: 200_000)
            let sender = sockets.loop.spawn {
                for number in 0..<200 {
                    try? await connection.send(.binary(chunk))
                    sent.add(number)
                }
                try? await connection.send(.text("last"))
            }
            // 40 MB wait nowhere: the kernel's buffers and one of ours are full long before.
            #expect(await eventually { await !connection.senders.isEmpty })
            try await sockets.loop.sleep(for: .milliseconds(100))
            #expect(sent.all.count < 150)
            mayRead.add(true)
            #expect(try await connection.receive() == .text("done"))
            await sender.value
            #expect(sent.all.count == 200)
            await connection.close()
        }
    }

    @Test func `a connection that is not read holds little`() throws {
        try withSockets(answer: { request in
            .webSocket(request) { connection in
                for _ in 0..<200_000 { do { try await connection.send(.text("x")) } catch { return } }
                try? await connection.send(.text("last"))
                _ = try? await connection.receive()
            }
        }) { sockets in
            let connection = try await sockets.connect()
            try await sockets.loop.sleep(for: .milliseconds(100))
            #expect(await connection.inbox.count <= WebSocketConnection.maxWaitingMessages)
            var count = 0
            while try await connection.receive() != .text("last") { count += 1 }
            #expect(count == 200_000)
            await connection.close()
        }
    }

    // MARK: Control frames

    @Test func `pings are answered, also between fragments`() throws {
        try withSockets(answer: echo) { sockets in
            let peer = try await sockets.connectRaw()
            try await peer.write(
                frame(.text, "a".utf8, isFinal: false, mask: 1) + frame(.ping, "p".utf8, mask: 2)
                    + frame(.continuation, "b".utf8, mask: 3))
            #expect(try await peer.read(atLeast: 7) == frame(.pong, "p".utf8) + frame(.text, "ab".utf8))
            await peer.close()
        }
    }

    @Test func `a peer that floods with pings and reads nothing costs no memory`() throws {
        try withSockets(answer: { request in
            scripted(request) { peer in
                let pings = (0..<1000).flatMap { _ in frame(.ping, [UInt8](repeating: 9, count: 125)) }
                for _ in 0..<200 { try await peer.write(pings) }
                try await peer.write(frame(.text, "end".utf8))
                _ = try await peer.readToEnd()
            }
        }) { sockets in
            let connection = try await sockets.connect()
            #expect(try await connection.receive() == .text("end"))
            #expect(await connection.unsentBytes <= WebSocketConnection.highWater + 200)
            await connection.cut()
        }
    }

    @Test func `a silent peer is pinged and, if it stays silent, given up`() throws {
        let pings = Box<[UInt8]>()
        let error = try withSockets(answer: { request in
            scripted(request) { peer in pings.add(try await peer.readToEnd()) }
        }) { sockets in
            let timeouts = WebSocketTimeouts(pingInterval: .milliseconds(50), pong: .milliseconds(100))
            let connection = try await sockets.connect(timeouts: timeouts)
            let error = await #expect(throws: WebSocketError.self) { try await connection.receive() }
            #expect(await eventually { !pings.all.isEmpty })
            return error
        }
        #expect(error?.code == .timeout(.pong))
        // A masked ping without a payload.
        #expect(pings.all.first.map { $0.count == 6 && $0.starts(with: [0x89, 0x80]) } == true)
    }

    @Test func `a peer that answers pings is kept`() throws {
        try withSockets(answer: echo) { sockets in
            let timeouts = WebSocketTimeouts(pingInterval: .milliseconds(20), pong: .seconds(30))
            let connection = try await sockets.connect(timeouts: timeouts)
            try await sockets.loop.sleep(for: .milliseconds(300))
            try await connection.send(text: "still here")
            #expect(try await connection.receive() == .text("still here"))
            await connection.close()
        }
    }

    // MARK: Faults

    @Test(arguments: [
        (hex("c1 80 00 00 00 00"), 1002), (hex("83 80 00 00 00 00"), 1002), (hex("81 01 61"), 1002),
        (hex("89 fe 00 7e"), 1002), (hex("09 80 00 00 00 00"), 1002), (hex("82 fe 00 7d"), 1002),
        (hex("80 80 00 00 00 00"), 1002), (frame(.text, [0xFF], mask: 7), 1007),
        (hex("82 ff 00 00 00 00 01 00 00 01"), 1009), (frame(.close, closePayload(1005), mask: 7), 1002),
        (frame(.close, closePayload(1000) + [0xFF], mask: 7), 1007), (frame(.close, [3], mask: 7), 1002),
    ])
    func `a server tells a client what it did wrong, and hangs up`(_ bytes: [UInt8], _ code: Int) throws {
        let failure = Box<WebSocketError?>()
        try withSockets(answer: { request in
            .webSocket(request, timeouts: WebSocketTimeouts(close: .milliseconds(300))) { connection in
                do throws(WebSocketError) {
                    _ = try await connection.receive()
                    failure.add(nil)
                } catch { failure.add(error) }
            }
        }) { sockets in
            let peer = try await sockets.connectRaw()
            try await peer.write(bytes)
            let answer = try await peer.readToEnd()
            #expect(answer.starts(with: [0x88]) && answer.count >= 4)
            #expect(answer.dropFirst(2).prefix(2).elementsEqual(closePayload(UInt16(code))))
            await peer.close()
            #expect(await eventually { !failure.all.isEmpty })
        }
        guard case .protocolViolation = failure.all.first??.code else {
            Issue.record("\(failure.all)")
            return
        }
    }

    @Test func `what came before a fault is still read`() throws {
        try withSockets(answer: { request in
            scripted(request) { peer in
                try await peer.write(frame(.text, "good".utf8) + hex("c1 00"))
                _ = try await peer.readToEnd()
            }
        }) { sockets in
            let connection = try await sockets.connect(timeouts: WebSocketTimeouts(close: .milliseconds(100)))
            #expect(try await connection.receive() == .text("good"))
            let error = await #expect(throws: WebSocketError.self) { try await connection.receive() }
            #expect(error?.code == .protocolViolation(.reservedBits))
            await #expect(throws: WebSocketError.self) { try await connection.send(text: "x") }
            #expect(await connection.closure == WebSocketClosure(code: .protocolError, reason: "", isClean: false))
        }
    }
}
