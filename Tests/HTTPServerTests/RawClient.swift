import Glibc

/// A blocking client that sends bytes as they are; every wait ends after a minute, as a failure.
final class RawClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A response as it came, its content without the chunked coding.
    struct Response {
        var status: Int
        var fields: [String: String]
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    let descriptor: Int32
    private var buffer: [UInt8] = []

    /// - Parameter receiveBuffer: the kernel's buffer for what was not read yet; 0 leaves the default.
    init(port: UInt16, receiveBuffer: Int32 = 0) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        if receiveBuffer > 0 {
            var size = receiveBuffer
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(description: "connect: \(errno)") }
    }

    deinit {
        close(descriptor)
    }

    func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) throws {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + offset, bytes.count - offset, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "send: \(errno)") }
            offset += count
        }
    }

    func shutdownWriting() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Reads once; false at the end of the stream.
    private func fill() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count >= 0 else { throw Failure(description: "recv: \(errno), have \(buffer.count) bytes") }
        buffer.append(contentsOf: chunk[..<count])
        return count > 0
    }

    /// Reads so many bytes.
    func take(_ count: Int) throws -> [UInt8] {
        while buffer.count < count {
            guard try fill() else { throw Failure(description: "the stream ended in the middle of a message") }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    private func takeLine() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = try take(end + 1)
                return String(decoding: line.dropLast(2), as: UTF8.self)
            }
            guard try fill() else { throw Failure(description: "the stream ended in the middle of a line") }
        }
    }

    /// Reads one response; `hasBody` is false for an answer to HEAD.
    func readResponse(hasBody: Bool = true) throws -> Response {
        var response = try readHead()
        guard hasBody, response.status >= 200, response.status != 204, response.status != 304 else { return response }
        if response.fields["transfer-encoding"] == "chunked" {
            while let chunk = try readChunk() { response.body += chunk }
        } else if let length = response.fields["content-length"].flatMap({ Int($0) }) {
            response.body = try take(length)
        } else {
            response.body = try readToEnd()
        }
        return response
    }

    func readHead() throws -> Response {
        let status = try takeLine().split(separator: " ")
        guard status.count >= 2, status[0] == "HTTP/1.1", let code = Int(status[1]) else {
            throw Failure(description: "not a status line: \(status)")
        }
        var fields: [String: String] = [:]
        while true {
            let line = try takeLine()
            if line.isEmpty { return Response(status: code, fields: fields, body: []) }
            let halves = line.split(separator: ":", maxSplits: 1)
            fields[halves[0].lowercased()] = halves.count > 1 ? String(halves[1].drop { $0 == " " }) : ""
        }
    }

    /// Reads one chunk; nil for the last.
    func readChunk() throws -> [UInt8]? {
        guard let size = Int(try takeLine(), radix: 16) else { throw Failure(description: "not a chunk size") }
        let bytes = try take(size)
        _ = try take(2)
        return size == 0 ? nil : bytes
    }

    func readToEnd() throws -> [UInt8] {
        while try fill() {}
        defer { buffer = [] }
        return buffer
    }

    /// True when the server has closed and nothing was left to read.
    func isAtEnd() throws -> Bool {
        try buffer.isEmpty && !fill()
    }
}

extension RawClient {
    /// True when something can be read, or the stream has ended, within this time.
    func hasInput(within milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }
}
