import EventLoop
import Glibc
import Synchronization

/// A TCP server on a thread of its own, one thread a connection, whose answers each test writes by hand.
final class ScriptedServer: Sendable {
    /// One accepted connection, with blocking calls.
    struct Connection {
        let descriptor: Int32
        let number: Int

        /// Reads one request: its head as text and its content by Content-Length; nil at the end of the stream.
        func request() -> (head: String, content: [UInt8])? {
            var bytes: [UInt8] = []
            let mark = Array("\r\n\r\n".utf8)
            while true {
                if let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) {
                    let head = String(decoding: bytes[..<end], as: UTF8.self)
                    let length =
                        head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                        .flatMap { Int($0.split(separator: ":")[1].drop { $0 == " " }) } ?? 0
                    while bytes.count < end + 4 + length { guard read(into: &bytes) else { return nil } }
                    return (head, Array(bytes[(end + 4)...]))
                }
                guard read(into: &bytes) else { return nil }
            }
        }

        private func read(into bytes: inout [UInt8]) -> Bool {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return false }
            bytes.append(contentsOf: buffer[..<count])
            return true
        }

        @discardableResult func write(_ text: String) -> Bool { write(Array(text.utf8)) }

        @discardableResult func write(_ bytes: [UInt8]) -> Bool {
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }

        func answer(_ body: String, status: String = "200 OK", fields: String = "") {
            write("HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }

        /// Waits until the client closes; false when it sends instead, or nothing happens for ten seconds.
        func waitForClose() -> Bool {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, 10_000) == 1 else { return false }
            var byte: UInt8 = 0
            return Glibc.read(descriptor, &byte, 1) <= 0
        }
    }

    let port: UInt16
    private let listener: Int32
    let accepted = Atomic<Int>(0)

    init(_ serve: @escaping @Sendable (Connection) -> Void) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(listener, address, size) == 0 && listen(listener, 4096) == 0)
                getsockname(listener, address, &size)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        Thread.detach { [self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else {
                    // Closed by the thread that uses it: closed elsewhere, its number could come back as another test's.
                    close(listener)
                    return
                }
                var one: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
                let number = accepted.add(1, ordering: .relaxed).newValue
                Thread.detach {
                    serve(Connection(descriptor: descriptor, number: number))
                    close(descriptor)
                }
            }
        }
    }

    /// Stops accepting; connections end with their tests.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }
}

enum Thread {
    static func detach(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { raw in
                Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Box(body)).toOpaque())
        precondition(code == 0)
        pthread_detach(thread)
    }
}

/// A flag that one thread raises and another waits for.
final class Signal: Sendable {
    private let raised = Atomic<Bool>(false)

    func raise() { raised.store(true, ordering: .releasing) }

    /// Waits off the loop, up to a limit that only failures reach.
    func wait(seconds: Int = 20) -> Bool {
        for _ in 0..<(seconds * 200) {
            if raised.load(ordering: .acquiring) { return true }
            usleep(5_000)
        }
        return false
    }

    /// Waits on the loop.
    func wait(on loop: EventLoop, seconds: Int = 20) async -> Bool {
        for _ in 0..<(seconds * 200) {
            if raised.load(ordering: .acquiring) { return true }
            try? await loop.sleep(for: .milliseconds(5))
        }
        return false
    }
}
