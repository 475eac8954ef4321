import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import TestSupport
import Testing

@testable import WebSocket

/// The client's way to the network: TLS that Python's OpenSSL ends, and an HTTP proxy.
@Suite(
    .enabled(if: ChildProcess.isInstalled("python3") && ChildProcess.isInstalled("openssl"), "needs python3, openssl"))
struct WebSocketTransportTests {
    // This file stands three levels below the root: Tests/WebSocketTests/….
    private static let relay =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        + "/WebSocketPeers/relay.py"

    private static func start(_ arguments: String..., output: String = "/dev/null") throws -> ChildProcess {
        try ChildProcess(["python3", relay] + arguments, output: output)
    }

    /// Both directions at once and more than any buffer holds, so that each side has to wait for the other.
    private static func exchange(on connection: WebSocketConnection) async throws {
        let chunk = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let sender = connection.loop.spawn {
            for _ in 0..<40 { try? await connection.send(.binary(chunk)) }
        }
        // The sender is to find no room for a while.
        try await connection.loop.sleep(for: .milliseconds(200))
        for _ in 0..<40 { #expect(try await connection.receive() == .binary(chunk)) }
        await sender.value
        await connection.close()
        #expect(await connection.closure?.code == .normal)
    }

    @Test func `12 MB go through TLS and back`() throws {
        let certificate = try TestCertificate()
        let port = TestEnvironment.freePort()
        try withSockets(answer: echo) { sockets in
            let relay = try Self.start(
                "tls", "\(port)", "\(sockets.port)", certificate.certificate, certificate.key)
            try awaitListener(on: port, of: relay)
            let http = HTTPClient(
                loop: sockets.loop,
                configuration: HTTPClientConfiguration(trustedCertificatesFile: certificate.certificate))
            let connection = try await WebSocketClient(http).connect("wss://127.0.0.1:\(port)/socket")
            try await Self.exchange(on: connection)
            await http.shutdown()
            withExtendedLifetime(relay) {}
        }
    }

    @Test func `a certificate that nobody vouches for is refused`() throws {
        let certificate = try TestCertificate()
        let port = TestEnvironment.freePort()
        let error = try withSockets(answer: echo) { sockets in
            let relay = try Self.start(
                "tls", "\(port)", "\(sockets.port)", certificate.certificate, certificate.key)
            try awaitListener(on: port, of: relay)
            defer { withExtendedLifetime(relay) {} }
            return await #expect(throws: WebSocketError.self) {
                _ = try await WebSocketClient(sockets.http).connect("wss://127.0.0.1:\(port)/socket")
            }
        }
        #expect(error?.code == .notConnected(.tls))
    }

    @Test func `a proxy is asked to connect, without TLS too`() throws {
        let folder = TemporaryFolder()
        let port = TestEnvironment.freePort()
        try withSockets(answer: echo) { sockets in
            let relay = try Self.start("proxy", "\(port)", output: folder.path("proxy.log"))
            try awaitListener(on: port, of: relay)
            let http = HTTPClient(
                loop: sockets.loop, configuration: HTTPClientConfiguration(proxy: "http://127.0.0.1:\(port)"))
            let connection = try await WebSocketClient(http).connect(sockets.url)
            try await Self.exchange(on: connection)
            #expect(relay.output == "CONNECT 127.0.0.1:\(sockets.port) HTTP/1.1\n")
            await http.shutdown()
        }
    }
}
