import EventLoop
import Glibc
import Redis
import Synchronization
import Testing

/// A server on a thread that reads whatever comes and answers from a script: first the greeting, then what the test wants.
private final class FakeServer: Sendable {
    let port: UInt16
    private let listener: Int32

    /// - Parameter answers: what is sent after each read once the greeting is over; then the connection closes.
    init(answers: [[UInt8]]) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(listener, address, size) == 0 && listen(listener, 16) == 0)
                getsockname(listener, address, &size)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        let work = Work {
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else {
                    close(listener)
                    return
                }
                var buffer = [UInt8](repeating: 0, count: 65_536)
                // CLIENT SETNAME and PING come in one piece.
                if read(descriptor, &buffer, buffer.count) > 0 {
                    send(descriptor, "+OK\r\n+PONG\r\n", 12, Int32(MSG_NOSIGNAL))
                    for answer in answers {
                        guard read(descriptor, &buffer, buffer.count) > 0 else { break }
                        send(descriptor, answer, answer.count, Int32(MSG_NOSIGNAL))
                    }
                }
                close(descriptor)
            }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { raw in
                Unmanaged<Work>.fromOpaque(raw!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(work).toOpaque())
        pthread_detach(thread)
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    private final class Work {
        let run: () -> Void
        init(run: @escaping () -> Void) { self.run = run }
    }
}

@Suite struct FakeServerTests {
    @Test(arguments: [
        ("$10\r\nabc", RedisError.Code.unanswered), ("*3\r\n:1\r\n", .unanswered), ("", .unanswered),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", .protocol), ("$x\r\n", .protocol), (":12a\r\n", .protocol),
    ])
    func `half a reply, or what is none, is an error`(wire: String, code: RedisError.Code) throws {
        let server = try FakeServer(answers: [Array(wire.utf8)])
        let configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(server.port)")
        try withRedis(configuration, on: server) { client in
            let error = await failure(of: client, ["GET", "a"])
            #expect(error?.code == code)
            #expect(error?.mayHaveBeenExecuted == true)
        }
    }

    @Test func `a reply that nobody asked for ends the connection`() throws {
        let server = try FakeServer(answers: [Array("+OK\r\n+AND\r\n+MORE\r\n".utf8)])
        let configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(server.port)")
        try withRedis(configuration, on: server) { client in
            let value = try await client.send(["GET", "a"])
            #expect(value == .simple("OK"))
            #expect(
                try await wait(for: client) { state in
                    if case .disconnected = state { true } else { false }
                })
        }
    }

    @Test func `an endless reply is given up`() throws {
        let piece = Array("$1000000\r\n".utf8) + [UInt8](repeating: 0x61, count: 60_000)
        let server = try FakeServer(answers: [piece])
        var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(server.port)")
        configuration.maxReplyBytes = 50_000
        try withRedis(configuration, on: server) { client in
            let error = await failure(of: client, ["GET", "a"])
            #expect(error?.code == .protocol)
        }
    }
}
