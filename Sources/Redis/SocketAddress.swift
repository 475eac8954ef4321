internal import EventLoop
internal import Glibc

/// An address that a socket can connect to.
struct SocketAddress: Sendable {
    let family: Int32
    private let bytes: [UInt8]

    /// A Unix socket's path, checked for its length before.
    init(path: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        family = AF_UNIX
        bytes = withUnsafeBytes(of: &address) { Array($0) }
    }

    private init(_ info: addrinfo) {
        family = info.ai_family
        bytes = Array(UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen)))
    }

    /// Starts to connect a socket: 0, or the `errno`.
    func connect(_ descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { raw in
            guard let address = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return EINVAL }
            return Glibc.connect(descriptor, address, socklen_t(raw.count)) == 0 ? 0 : errno
        }
    }

    /// Finds the addresses of a host and calls `body` on the loop; off the loop meanwhile, since `getaddrinfo` blocks.
    ///
    /// An address in digits is read on the spot, without a thread.
    static func resolve(
        host: String, port: Int, on loop: EventLoop,
        then body: @escaping @Sendable (Result<[SocketAddress], RedisError>) -> Void
    ) {
        if case .success(let numeric) = lookUp(host: host, port: port, flags: AI_NUMERICHOST) {
            return body(.success(numeric))
        }
        let search = Search {
            let result = lookUp(host: host, port: port, flags: 0)
            loop.execute { body(result) }
        }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(search)
        let code = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                Unmanaged<Search>.fromOpaque(raw).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            context.release()
            return body(.failure(RedisError(code: .notConnected, message: "no thread left to look up the host")))
        }
        pthread_detach(thread)
    }

    private final class Search {
        let run: () -> Void

        init(run: @escaping () -> Void) {
            self.run = run
        }
    }

    private static func lookUp(host: String, port: Int, flags: Int32) -> Result<[SocketAddress], RedisError> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            let words = String(cString: gai_strerror(code))
            return .failure(RedisError(code: .notConnected, message: "the host \(host) is not found: \(words)"))
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next {
            addresses.append(SocketAddress(info.pointee))
            next = info.pointee.ai_next
        }
        return .success(addresses)
    }
}
