import Glibc
import Synchronization

/// A server below HTTP's manners: reads whole requests and does with their connections as it is told.
final class RawServer: @unchecked Sendable {
    // Unchecked: the descriptor never changes; the rest is under the mutex.

    enum Behaviour: Sendable {
        /// Closes the connection without a word: the request was read, its answer is lost.
        case close
        /// Answers 200 with a JSON object, and keeps the connection.
        case answer
        /// Answers 200 with this JSON, and keeps the connection.
        case says(String)
        /// Sends this, whatever it is, and closes the connection.
        case raw(String)
        /// Answers 400 with this as the plain platform's error, and keeps the connection.
        case refuse(String)
    }

    private struct State {
        var behaviours: [Behaviour]
        var requests: [String] = []
        var isStopped = false
    }

    private let descriptor: Int32
    private let greeting: String?
    private let state: Mutex<State>
    let port: Int

    /// - Parameters:
    ///   - behaviours: one for each request; the last goes for all that follow.
    ///   - greeting: said to whoever connects, who is then left.
    init(port wanted: Int = 0, _ behaviours: [Behaviour], greeting: String? = nil) {
        self.greeting = greeting
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(wanted).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(descriptor, address, size) == 0 && listen(descriptor, 16) == 0)
                getsockname(descriptor, address, &size)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        state = Mutex(State(behaviours: behaviours))
        inThread { [self] in accept() }
    }

    /// Ends the server, which lives until then.
    func stop() {
        state.withLock { $0.isStopped = true }
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    var url: String { "http://127.0.0.1:\(port)" }

    /// The bodies of the requests that were read to their end.
    var requests: [String] { state.withLock { $0.requests } }

    private func accept() {
        while true {
            let connection = Glibc.accept(descriptor, nil, nil)
            guard connection >= 0, !state.withLock({ $0.isStopped }) else { return }
            inThread { [self] in
                if let greeting {
                    send(connection, greeting, greeting.utf8.count, Int32(MSG_NOSIGNAL))
                    shutdown(connection, Int32(SHUT_WR))
                    var rest = [UInt8](repeating: 0, count: 4096)
                    while recv(connection, &rest, rest.count, 0) > 0 {}
                } else {
                    serve(connection)
                }
                close(connection)
            }
        }
    }

    private func serve(_ connection: Int32) {
        while let body = RawServer.readRequest(connection) {
            let behaviour = state.withLock { state in
                state.requests.append(body)
                return state.behaviours.count > 1 ? state.behaviours.removeFirst() : state.behaviours[0]
            }
            if case .raw(let text) = behaviour {
                send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL))
                return
            }
            let (status, answer) =
                switch behaviour {
                case .close, .raw: ("", "")
                case .answer: ("200 OK", #"{"message":"m1"}"#)
                case .says(let json): ("200 OK", json)
                case .refuse(let error): ("400 Bad Request", #"{"error":"\#(error)"}"#)
                }
            guard !status.isEmpty else { return }
            let response = "HTTP/1.1 \(status)\r\nContent-Length: \(answer.utf8.count)\r\n\r\n\(answer)"
            send(connection, response, response.utf8.count, Int32(MSG_NOSIGNAL))
        }
    }

    private static func readRequest(_ connection: Int32) -> String? {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            if let end = text.firstRange(of: "\r\n\r\n") {
                let fields = text[..<end.lowerBound].lowercased().split(separator: "\r\n")
                let length =
                    fields.compactMap { $0.hasPrefix("content-length: ") ? Int($0.dropFirst(16)) : nil }.first ?? 0
                let body = text[end.upperBound...]
                if body.utf8.count >= length { return String(body) }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    private func inThread(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Work(body)).toOpaque())
        pthread_detach(thread)
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
