import Crypto
import Glibc
import Testing

struct TLSClientSessionTests {
    /// A session and the socket it is carried over.
    private struct Line: ~Copyable {
        let socket: Int32
        let session: TLSClientSession
        /// How many bytes the session is fed at a time.
        let chunk: Int

        init(_ server: borrowing TLSServer, name: String, trust: TLSContext.Trust, chunk: Int = 4096) throws {
            let session = try TLSClientSession(serverName: name, context: TLSContext(trust: trust))
            socket = try server.connect()
            self.session = session
            self.chunk = chunk
        }

        deinit { Glibc.close(socket) }

        func flush() {
            let bytes = session.takeOutgoing()
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                sent += count
            }
        }

        /// Feeds what arrives next; false at the end of the stream.
        func step() throws -> Bool {
            flush()
            var buffer = [UInt8](repeating: 0, count: chunk)
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { return false }
            defer { flush() }
            try session.receive(Array(buffer[..<count]))
            return true
        }

        /// Reads until that many bytes came.
        func read(_ count: Int) throws -> [UInt8] {
            var plaintext = try session.read()
            while plaintext.count < count, try step() { plaintext += try session.read() }
            return plaintext
        }
    }

    @Test(arguments: [1, 7, 4096], ["-tls1_2", "-tls1_3"])
    func `text goes both ways with any chunking`(chunk: Int, version: String) throws {
        let server = try TLSServer(names: "DNS:redis.test", options: [version])
        let line = try Line(server, name: "redis.test", trust: .file(server.certificate), chunk: chunk)
        #expect(line.session.state == .handshaking)
        try line.session.write(Array("early\n".utf8))
        #expect(try line.read(6) == Array("ylrae\n".utf8))
        #expect(line.session.state == .open)
        try line.session.write(Array("hello\n".utf8))
        #expect(try line.read(6) == Array("olleh\n".utf8))
        line.session.close()
        line.flush()
        #expect(throws: TLSError.self) { try line.session.write([1]) }
    }

    @Test
    func `more than a record goes both ways`() throws {
        let server = try TLSServer(names: "DNS:redis.test")
        let line = try Line(server, name: "redis.test", trust: .file(server.certificate))
        let rows = (0..<3_000).map { String(repeating: "x", count: 20) + String($0 + 10_000) }
        try line.session.write(Array((rows.joined(separator: "\n") + "\n").utf8))
        let expected = rows.map { String($0.reversed()) }.joined(separator: "\n") + "\n"
        #expect(try line.read(expected.utf8.count) == Array(expected.utf8))
    }

    @Test
    func `an address is verified as one`() throws {
        let server = try TLSServer(names: "IP:127.0.0.1")
        let line = try Line(server, name: "127.0.0.1", trust: .file(server.certificate))
        try line.session.write(Array("abc\n".utf8))
        #expect(try line.read(4) == Array("cba\n".utf8))
    }

    @Test(arguments: [
        ("DNS:redis.test", "other.test"), ("DNS:redis.test", "127.0.0.1"), ("IP:127.0.0.1", "127.0.0.2"),
        ("DNS:*.redis.test", "redis.test"), ("DNS:*.redis.test", "a.b.redis.test"),
    ])
    func `a certificate for another name is refused`(names: String, name: String) throws {
        let server = try TLSServer(names: names)
        let line = try Line(server, name: name, trust: .file(server.certificate))
        try line.session.write(Array("secret\n".utf8))
        let error = #expect(throws: TLSError.self) { _ = try line.read(7) }
        #expect(error?.reason == .verification)
        #expect(line.session.state == .failed)
        #expect(throws: TLSError.self) { try line.session.write([1]) }
        #expect(throws: TLSError.self) { try line.session.receive([1]) }
    }

    @Test
    func `a certificate that nobody trusted has signed is refused`() throws {
        let server = try TLSServer(names: "DNS:redis.test")
        let stranger = try TLSServer(names: "DNS:redis.test")
        for trust in [TLSContext.Trust.system, .file(stranger.certificate)] {
            let line = try Line(server, name: "redis.test", trust: trust)
            let error = #expect(throws: TLSError.self) { _ = try line.read(1) }
            #expect(error?.reason == .verification)
        }
        let line = try Line(server, name: "other.test", trust: .insecure)
        try line.session.write(Array("abc\n".utf8))
        #expect(try line.read(4) == Array("cba\n".utf8))
    }

    @Test
    func `old protocol versions are refused`() throws {
        let server = try TLSServer(names: "DNS:redis.test", options: ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"])
        let line = try Line(server, name: "redis.test", trust: .file(server.certificate))
        let error = #expect(throws: TLSError.self) {
            _ = try line.read(1)
            _ = try line.session.read()
            if line.session.state != .open { throw TLSError(reason: .protocol, message: "ended in the handshake") }
        }
        #expect(error?.reason == .protocol)
    }

    @Test
    func `the server's goodbye is told from a cut line`() throws {
        let server = try TLSServer(names: "DNS:redis.test")
        let line = try Line(server, name: "redis.test", trust: .file(server.certificate))
        try line.session.write(Array("one\n".utf8))
        #expect(try line.read(4) == Array("eno\n".utf8))
        #expect(line.session.state == .open)
        try line.session.write(Array("CLOSE\n".utf8))
        while line.session.state == .open, try line.step() { _ = try line.session.read() }
        #expect(line.session.state == .closed)
    }

    @Test
    func `a server that does not speak TLS fails the session`() throws {
        let session = try TLSClientSession(serverName: "redis.test", context: TLSContext())
        #expect(session.takeOutgoing().first == 22)  // a handshake record (RFC 8446, section 5.1)
        let error = #expect(throws: TLSError.self) { try session.receive(Array("-ERR unknown command\r\n".utf8)) }
        #expect(error?.reason == .protocol)
        #expect(session.state == .failed)
    }

    @Test
    func `a damaged record fails the session`() throws {
        let server = try TLSServer(names: "DNS:redis.test")
        let line = try Line(server, name: "redis.test", trust: .file(server.certificate))
        try line.session.write(Array("abc\n".utf8))
        _ = try line.read(4)
        try line.session.receive([23, 3, 3, 0, 32] + [UInt8](repeating: 7, count: 32))
        let error = #expect(throws: TLSError.self) { try line.session.read() }
        #expect(error?.reason == .protocol)
        #expect(line.session.state == .failed)
    }

    @Test(arguments: ["", "a\0b"])
    func `what cannot be a server's name is refused`(name: String) throws {
        let context = try TLSContext()
        let error = #expect(throws: TLSError.self) { _ = try TLSClientSession(serverName: name, context: context) }
        #expect(error?.reason == .configuration)
    }

    @Test
    func `a file without certificates is refused`() {
        let error = #expect(throws: TLSError.self) { _ = try TLSContext(trust: .file("/nonexistent.pem")) }
        #expect(error?.reason == .configuration)
    }
}
