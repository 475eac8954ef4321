import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import Synchronization
import TestSupport

@testable import WebSocket

/// A server and a client on one loop; the body runs there and everything is ended after it.
func withSockets<Value: Sendable>(
    _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
    answer: @escaping @Sendable (HTTPRequest) -> HTTPResult,
    _ body: @escaping @Sendable (LiveSockets) async throws -> Value
) throws -> Value {
    let loop = try EventLoop()
    return try loop.run {
        let server = HTTPServer(on: loop, configuration: configuration, handler: answer)
        try await server.start()
        let http = HTTPClient(loop: loop)
        let sockets = LiveSockets(loop: loop, server: server, port: await server.port, http: http)
        let result: Result<Value, any Error>
        do { result = .success(try await body(sockets)) } catch { result = .failure(error) }
        await server.shutdown(deadline: .zero)
        await http.shutdown()
        return try result.get()
    }
}

/// What a test of live connections works with.
struct LiveSockets: Sendable {
    let loop: EventLoop
    let server: HTTPServer
    let port: UInt16
    let http: HTTPClient

    var url: String { "ws://127.0.0.1:\(port)/socket" }

    func connect(
        headers: HTTPFields = [:], subprotocols: [String] = [], limits: WebSocketLimits = WebSocketLimits(),
        timeouts: WebSocketTimeouts = WebSocketTimeouts()
    ) async throws -> WebSocketConnection {
        try await WebSocketClient(http).connect(
            url, headers: headers, subprotocols: subprotocols, limits: limits, timeouts: timeouts)
    }

    /// Connects by hand: what follows the handshake is the test's own bytes.
    func connectRaw() async throws -> RawPeer {
        let peer = RawPeer(try await http.connect(to: "http://127.0.0.1:\(port)/", deadline: .seconds(30)))
        try await peer.write(
            Array(
                ("GET /socket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Key: \(WebSocketHandshakeTests.key)\r\nSec-WebSocket-Version: 13\r\n\r\n").utf8))
        try await peer.readHead()
        return peer
    }
}

/// Answers every message by itself.
func echo(_ request: HTTPRequest) -> HTTPResult {
    .webSocket(request, subprotocols: ["echo.v2", "echo"]) { connection in
        do {
            for try await message in connection.messages { try await connection.send(message) }
        } catch {}
    }
}

/// One end of a connection whose bytes a test writes and reads itself.
actor RawPeer {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private let transport: any WebSocketTransport
    private(set) var received: [UInt8] = []
    private(set) var isEnded = false

    init(_ transport: any WebSocketTransport) {
        self.transport = transport
        loop = transport.loop
    }

    /// Writes as the other side takes it.
    func write(_ bytes: [UInt8]) async throws {
        var start = 0
        while start < bytes.count || transport.isHolding {
            start += try bytes.withUnsafeBytes { try transport.write(UnsafeRawBufferPointer(rebasing: $0[start...])) }
            if start < bytes.count || transport.isHolding { try await loop.sleep(for: .milliseconds(1)) }
        }
    }

    /// Reads until there are so many bytes, or the end.
    func read(atLeast count: Int) async throws -> [UInt8] {
        try await read { $0.count >= count }
    }

    /// Reads to the end of the stream.
    func readToEnd() async throws -> [UInt8] {
        try await read { _ in false }
    }

    /// Reads past the head of the handshake's answer.
    func readHead() async throws {
        let end = Array("\r\n\r\n".utf8)
        let bytes = try await read { bytes in bytes.indices.contains { bytes[$0...].starts(with: end) } }
        let start = bytes.indices.first { bytes[$0...].starts(with: end) } ?? 0
        received = Array(bytes[(start + 4)...])
    }

    private func read(until isEnough: ([UInt8]) -> Bool) async throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let deadline = ContinuousClock.now + .seconds(30)
        while !isEnough(received), !isEnded {
            let count: Int?
            do { count = try buffer.withUnsafeMutableBytes { try transport.read(into: $0) } } catch { count = 0 }
            if let count {
                if count == 0 { isEnded = true } else { received += buffer[..<count] }
            } else {
                guard ContinuousClock.now < deadline else { break }
                try await loop.sleep(for: .milliseconds(1))
            }
        }
        defer { received = [] }
        return received
    }

    func close() {
        transport.close()
    }
}

/// Accepts the handshake and gives the socket to a test's own function.
func scripted(
    _ request: HTTPRequest, _ body: @escaping @Sendable (RawPeer) async throws -> Void
) -> HTTPResult {
    .upgrade(
        HTTPUpgrade(
            protocolName: "websocket",
            headers: ["Sec-WebSocket-Accept": WebSocketHandshake.accept(request.headers["Sec-WebSocket-Key"] ?? "")]
        ) { stream in
            let peer = RawPeer(stream)
            stream.loop.spawn(on: peer) { peer in
                try? await body(peer)
                peer.close()
            }
        })
}

/// Values that come from other tasks, to be waited for.
final class Box<Value: Sendable>: Sendable {
    private let content = Mutex<[Value]>([])
    func add(_ value: Value) { content.withLock { $0.append(value) } }
    var all: [Value] { content.withLock { $0 } }
}
