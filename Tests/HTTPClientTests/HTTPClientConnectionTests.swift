import EventLoop
import Glibc
import HTTPClient
import Synchronization
import TestSupport
import Testing

private final class Closed: Sendable {
    let count = Atomic<Int>(0)
}

/// Connections for protocols of somebody else's.
@Suite struct HTTPClientConnectionTests {
    /// Reads a count of bytes, or to the end.
    private static func read(_ count: Int, from connection: HTTPClientConnection) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1000)
        while bytes.count < count {
            let got = try buffer.withUnsafeMutableBytes { try connection.receive(into: $0) }
            guard let got else {
                try await connection.loop.sleep(for: .milliseconds(1))
                continue
            }
            guard got > 0 else { break }
            bytes += buffer[..<got]
        }
        return bytes
    }

    private static func send(_ text: String, on connection: HTTPClientConnection) throws {
        #expect(try Array(text.utf8).withUnsafeBytes { try connection.send($0) } == text.utf8.count)
    }

    @Test func `bytes go and come, while other requests come and go`() throws {
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() {
                if head.hasPrefix("GET ") { connection.answer("page") } else { connection.write("heard \(head)") }
            }
        }
        defer { server.stop() }
        try withClient { client in
            let url = "http://127.0.0.1:\(server.port)/path?is=ignored"
            let connection = try await client.connect(to: url, deadline: .seconds(30))
            for number in 0..<3 {
                _ = try await client.send(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/"))
                try Self.send("hello \(number)\r\n\r\n", on: connection)
                #expect(try await Self.read(13, from: connection) == Array("heard hello \(number)".utf8))
            }
            connection.close()
            #expect(throws: HTTPClientError.self) { try Self.send("x", on: connection) }
        }
    }

    @Test func `what cannot be reached is an error that keeps the URL to itself`() throws {
        let error = try withClient { client in
            await #expect(throws: HTTPClientError.self) {
                _ = try await client.connect(to: "http://127.0.0.1:1/secret", deadline: .seconds(30))
            }
        }
        #expect(error?.code == .connect)
        #expect(error?.description.contains("secret") == false)
    }

    @Test func `a TLS server that does not answer is given up at the deadline`() throws {
        let server = ScriptedServer { connection in while connection.request() != nil {} }
        defer { server.stop() }
        let error = try withClient { client in
            await #expect(throws: HTTPClientError.self) {
                _ = try await client.connect(to: "https://127.0.0.1:\(server.port)/", deadline: .milliseconds(200))
            }
        }
        guard case .timeout = error?.code else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `letting a connection go closes it, and so does a cancelled connect`() throws {
        let closed = Closed()
        let server = ScriptedServer { connection in
            while connection.request() != nil {}
            closed.count.add(1, ordering: .relaxed)
        }
        defer { server.stop() }
        try withClient { client in
            _ = try await client.connect(to: "http://127.0.0.1:\(server.port)/", deadline: .seconds(30))
            let task = client.loop.spawn {
                _ = try? await client.connect(to: "https://127.0.0.1:\(server.port)/", deadline: .seconds(30))
            }
            try await client.loop.sleep(for: .milliseconds(100))
            task.cancel()
            await task.value
            #expect(await eventually { closed.count.load(ordering: .relaxed) == 2 })
        }
    }
}
