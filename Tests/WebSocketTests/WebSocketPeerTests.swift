import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import TestSupport
import Testing

@testable import WebSocket

/// Our client and server with other people's: `scripts/test-websocket` starts those and sets the variables.
@Suite struct WebSocketPeerTests {
    static let listen = TestEnvironment.value("CHATBRIDGE_TEST_WEBSOCKET_LISTEN").flatMap(UInt16.init)
    static let peer = TestEnvironment.value("CHATBRIDGE_TEST_WEBSOCKET_PEER")
    static let certificate = TestEnvironment.value("CHATBRIDGE_TEST_WEBSOCKET_CERTIFICATE")
    static let timeouts = WebSocketTimeouts(
        connect: .seconds(60), handshake: .seconds(60), close: .seconds(10), writeStall: .seconds(60))
    /// As large as the suites' largest messages.
    static let limits = WebSocketLimits(maxFrameBytes: 16 << 20, maxMessageBytes: 16 << 20)

    /// Echoes what clients send until one of them asks for `/stop`.
    @Test(.enabled(if: listen != nil, "scripts/test-websocket runs this"))
    func `our server echoes to their clients`() throws {
        let port = try #require(WebSocketPeerTests.listen)
        let stopped = Box<Bool>()
        var configuration = HTTPServerConfiguration()
        configuration.port = port
        let answer: @Sendable (HTTPRequest) -> HTTPResult = { request in
            if request.path == "/stop" {
                stopped.add(true)
                return .now(.text("stopping"))
            }
            return .webSocket(
                request, subprotocols: ["echo"], limits: WebSocketPeerTests.limits,
                timeouts: WebSocketPeerTests.timeouts, echo(on:))
        }
        try withSockets(configuration, answer: answer) { sockets in
            while stopped.all.isEmpty { try await sockets.loop.sleep(for: .milliseconds(50)) }
        }
    }

    /// Runs the cases of a server that counts and numbers them as Autobahn's does: `/getCaseCount` sends how many there are,
    /// `/runCase?case=N` plays one with a client that echoes, `/updateReports` writes down what came of them.
    @Test(.enabled(if: peer != nil, "scripts/test-websocket runs this"))
    func `our client echoes to their server`() throws {
        let url = try #require(WebSocketPeerTests.peer)
        let loop = try EventLoop()
        try loop.run {
            let http = HTTPClient(
                loop: loop,
                configuration: HTTPClientConfiguration(trustedCertificatesFile: WebSocketPeerTests.certificate))
            let client = WebSocketClient(http)
            func connect(_ target: String) async throws -> WebSocketConnection {
                try await client.connect(
                    url + target, limits: WebSocketPeerTests.limits, timeouts: WebSocketPeerTests.timeouts)
            }
            let counting = try await connect("/getCaseCount")
            guard case .text(let text)? = try await counting.receive(), let count = Int(text) else {
                Issue.record("the server sent no count of its cases")
                return
            }
            await counting.close()
            for number in 1...max(1, count) {
                let connection = try await connect("/runCase?case=\(number)&agent=ChatBridge")
                await echo(on: connection)
                await connection.close()
            }
            let reporting = try await connect("/updateReports?agent=ChatBridge")
            _ = try? await reporting.receive()
            await reporting.close()
            await http.shutdown()
        }
    }
}

/// Sends every message back until the connection ends.
private func echo(on connection: WebSocketConnection) async {
    do {
        for try await message in connection.messages { try await connection.send(message) }
    } catch {}
}
