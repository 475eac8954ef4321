internal import Glibc
internal import Synchronization

/// A TCP proxy on 127.0.0.1 that passes bytes on until it is told to do worse.
///
/// Stands between the product and a Redis, a Postgres or an HTTP server, whichever protocol they speak. It has threads of its
/// own, two for each connection, so that a test that starves its executors does not change what the wire does.
///
/// ```swift
/// let proxy = try FaultProxy(to: redis.port)
/// proxy.set(.cut(after: 7))        // half a reply, then the end
/// proxy.set(.hold, on: .requests)  // nothing reaches the server any more
/// proxy.redirect(to: replica.port) // what a name in the DNS does after a failover
/// ```
public final class FaultProxy: Sendable {
    /// What is done to the bytes of one direction.
    public enum Fault: Sendable {
        /// Nothing: they go on as they come.
        case none
        /// Each piece that was read waits for so long before it goes on.
        case delay(Duration)
        /// At most so many bytes go on at a time, with a pause after each.
        case trickle(bytes: Int, every: Duration)
        /// Nothing goes on until the fault is over; then everything does, as after a SIGSTOP.
        case hold
        /// What comes is lost. A connection that has lost something is closed when the fault is over.
        case swallow
        /// So many bytes go on yet, over whichever connection they come; that connection is closed then, and the fault is over.
        case cut(after: Int)
        /// The next piece is these bytes instead of its own; then the connection is closed, since the piece may have held more than
        /// one reply and no later one would be its command's. The fault is over then.
        case replace(with: [UInt8])
    }

    /// Whose bytes.
    public enum Direction: Sendable {
        /// From the client to the server.
        case requests
        /// From the server to the client.
        case replies
    }

    private struct State {
        var requests = Fault.none
        var replies = Fault.none
        var port: Int
        var refuses = false
        var isEnded = false
        /// Both ends of each connection.
        var connections: [Int: (client: Int32, server: Int32)] = [:]
        var accepted = 0
    }

    /// Its port on 127.0.0.1.
    public let port: Int
    private let listener: Int32
    private let state: Mutex<State>

    /// A proxy to a port of 127.0.0.1; the server need not be there yet.
    public init(to port: Int) throws {
        self.port = TestEnvironment.freePort()
        state = Mutex(State(port: port))
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        let isBound = FaultProxy.withAddress(self.port) { bind(listener, $0, $1) == 0 }
        guard isBound, listen(listener, 128) == 0 else {
            throw ChildProcess.Failure("the proxy cannot listen on port \(self.port)")
        }
        let (descriptor, weakly) = (listener, WeakProxy(self))
        FaultProxy.startThread { FaultProxy.accept(on: descriptor, for: weakly) }
    }

    deinit {
        let open = state.withLock { state in
            state.isEnded = true
            return state.connections.values
        }
        for (client, server) in open {
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
        }
        // Wakes the thread in `accept`, which closes it.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// Does this to one direction of all connections, those that are open included, from the next piece on.
    public func set(_ fault: Fault, on direction: Direction = .replies) {
        state.withLock { state in
            switch direction {
            case .requests: state.requests = fault
            case .replies: state.replies = fault
            }
        }
    }

    /// Whether new connections are reset as soon as they are made; those that are open are left alone.
    public func refuse(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }

    /// Sends new connections to another port; those that are open stay where they are.
    public func redirect(to port: Int) { state.withLock { $0.port = port } }

    /// Closes every connection; new ones are welcome.
    public func cutAll() {
        for (client, server) in state.withLock({ $0.connections.values }) {
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
        }
    }

    /// Connections that were made so far, refused ones included.
    public var accepted: Int { state.withLock { $0.accepted } }

    // MARK: Threads

    /// So that the thread that accepts does not keep the proxy alive.
    private final class WeakProxy: @unchecked Sendable {
        // Unchecked: a weak reference may be read by any thread, and is written once.
        weak var proxy: FaultProxy?
        init(_ proxy: FaultProxy) { self.proxy = proxy }
    }

    private static func accept(on listener: Int32, for weakly: WeakProxy) {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard let proxy = weakly.proxy, !proxy.state.withLock({ $0.isEnded }) else {
                if client >= 0 { close(client) }
                break
            }
            if client >= 0 { proxy.open(client) } else { usleep(1000) }
        }
        close(listener)
    }

    private func open(_ client: Int32) {
        let (number, refuses, port) = state.withLock { state in
            state.accepted += 1
            return (state.accepted, state.refuses, state.port)
        }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let isConnected = !refuses && FaultProxy.withAddress(port) { connect(server, $0, $1) == 0 }
        guard isConnected else {
            // Ends with a reset, as nearly as an accepted connection can be refused.
            var now = linger(l_onoff: 1, l_linger: 0)
            setsockopt(client, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
            close(client)
            close(server)
            return
        }
        var one: Int32 = 1
        for end in [client, server] {
            setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        }
        state.withLock { $0.connections[number] = (client, server) }
        let left = Atomic(2)
        let shared = Box(left)
        for (from, to, direction) in [(client, server, Direction.requests), (server, client, .replies)] {
            FaultProxy.startThread {
                self.pump(from, to, direction)
                guard shared.value.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
                self.state.withLock { $0.connections[number] = nil }
                close(client)
                close(server)
            }
        }
    }

    private final class Box: Sendable {
        let value: Atomic<Int>
        init(_ value: consuming Atomic<Int>) { self.value = value }
    }

    private func fault(_ direction: Direction) -> Fault {
        state.withLock { direction == .requests ? $0.requests : $0.replies }
    }

    /// Moves one direction's bytes until one side ends.
    private func pump(_ from: Int32, _ to: Int32, _ direction: Direction) {
        defer {
            shutdown(from, Int32(SHUT_RDWR))
            shutdown(to, Int32(SHUT_RDWR))
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var hasLost = false
        while true {
            var ready = pollfd(fd: from, events: Int16(POLLIN), revents: 0)
            // Looks up now and then: a connection that has lost bytes ends with the fault.
            let count = poll(&ready, 1, 20)
            let fault = fault(direction)
            if hasLost { guard case .swallow = fault else { return } }
            if case .hold = fault {
                // Not read at all; an end of the client is seen later.
                if state.withLock({ $0.isEnded }) { return }
                usleep(5000)
                continue
            }
            guard count != 0 else { continue }
            let got = read(from, &buffer, buffer.count)
            guard got > 0 else { return }
            guard pass(buffer[..<got], to, direction, &hasLost) else { return }
        }
    }

    private func pass(_ piece: ArraySlice<UInt8>, _ to: Int32, _ direction: Direction, _ hasLost: inout Bool) -> Bool {
        switch fault(direction) {
        case .none, .hold: return send(piece, to)
        case .delay(let duration):
            FaultProxy.sleep(duration)
            return send(piece, to)
        case .trickle(let bytes, let pause):
            var rest = piece
            while !rest.isEmpty {
                guard case .trickle = fault(direction) else { return send(rest, to) }
                guard send(rest.prefix(bytes), to) else { return false }
                rest = rest.dropFirst(bytes)
                FaultProxy.sleep(pause)
            }
            return true
        case .swallow:
            hasLost = true
            return true
        case .cut(let count):
            guard piece.count >= count else {
                set(.cut(after: count - piece.count), on: direction)
                return send(piece, to)
            }
            set(.none, on: direction)
            _ = send(piece.prefix(count), to)
            return false
        case .replace(let bytes):
            set(.none, on: direction)
            _ = send(bytes[...], to)
            return false
        }
    }

    private func send(_ bytes: ArraySlice<UInt8>, _ to: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func sleep(_ duration: Duration) {
        let parts = duration.components
        usleep(UInt32(parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000))
    }

    private static func withAddress<Result>(
        _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func startThread(_ body: @escaping @Sendable () -> Void) {
        final class Work: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body)).toOpaque()
        pthread_create(
            &thread, &attributes,
            { raw in
                guard let raw else { return nil }
                Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body()
                return nil
            }, work)
    }
}
