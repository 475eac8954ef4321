import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import Testing

@Suite struct HTTPClientTimeoutTests {
    @Test func `each limit of time ends the transfer that breaks it`() throws {
        let server = ScriptedServer { connection in
            guard let (head, _) = connection.request() else { return }
            switch head.split(separator: " ")[1] {
            case "/silent": _ = connection.waitForClose()
            case "/stalls":
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
                _ = connection.waitForClose()
            default:
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while connection.write("x") { usleep(10_000) }
            }
        }
        defer { server.stop() }
        typealias Timeouts = HTTPClientRequest.Timeouts
        let brief = Duration.milliseconds(150)
        let long = Duration.seconds(60)
        let cases: [(String, Timeouts, HTTPClientError.Timeout)] = [
            ("/silent", Timeouts(firstByte: brief), .firstByte),
            ("/silent", Timeouts(firstByte: nil, total: brief), .total),
            ("/stalls", Timeouts(idle: brief), .idle),
            ("/stalls", Timeouts(firstByte: long, idle: long, total: .milliseconds(300)), .total),
            ("/drips", Timeouts(firstByte: long, idle: long, total: .milliseconds(400)), .total),
        ]
        try withClient { client in
            for (path, timeouts, limit) in cases {
                let clock = ContinuousClock()
                let start = clock.now
                let error = await failure(of: client, HTTPClientRequest(url: server.url(path), timeouts: timeouts))
                #expect(error?.code == .timeout(limit), "\(path)")
                #expect(error?.mayHaveBeenProcessed == true)
                #expect(clock.now - start >= brief, "\(path)")
                #expect(clock.now - start < .seconds(30), "\(path)")
            }
        }
    }

    @Test func `a connection that does not come about in time was never used`() throws {
        // A full accept queue: the kernel answers no further handshake.
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(listener, address, size) == 0 && listen(listener, 0) == 0)
                getsockname(listener, address, &size)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        var fillers: [Int32] = []
        defer { for filler in fillers { close(filler) } }
        for _ in 0..<3 {
            let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            fillers.append(filler)
            _ = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(filler, $0, size) }
            }
        }
        let error = try withClient { client in
            await failure(
                of: client,
                HTTPClientRequest(
                    url: "http://127.0.0.1:\(port)/", timeouts: .init(connect: .milliseconds(200), total: .seconds(30)))
            )
        }
        #expect(error?.code == .timeout(.connect))
        #expect(error?.mayHaveBeenProcessed == false)
    }

    @Test func `a handle used again keeps the new request's time`() throws {
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() {
                if head.contains("/slow") { usleep(2_500_000) }
                connection.answer("ok")
            }
        }
        defer { server.stop() }
        try withClient { client in
            for _ in 0..<2 {
                let quick = HTTPClientRequest(url: server.url("/quick"), timeouts: .init(firstByte: .seconds(2)))
                let quickStatus = try await client.send(quick).status
                #expect(quickStatus == .ok)
                let slow = HTTPClientRequest(url: server.url("/slow"), timeouts: .init(firstByte: .seconds(20)))
                let slowStatus = try await client.send(slow).status
                #expect(slowStatus == .ok)
            }
        }
    }
}
