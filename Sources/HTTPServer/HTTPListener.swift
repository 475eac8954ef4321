internal import Glibc

/// A listening socket, owned: closed when released.
final class HTTPListener {
    /// What `accept` came to.
    enum Accepted {
        case connection(Int32, HTTPPeer)
        /// The queue is empty, or the connection went away before it was accepted.
        case none
        /// The process or the system has no descriptor or memory left.
        case exhausted
    }

    let descriptor: Int32
    let port: UInt16

    /// Binds and listens on the first address of the host that allows it.
    init(_ configuration: HTTPServerConfiguration) throws(HTTPServerError) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        var number: Int32 = 0
        guard getaddrinfo(configuration.host, String(configuration.port), &hints, &list) == 0 else {
            throw .cannotListen(host: configuration.host, port: configuration.port, errorNumber: 0)
        }
        defer { freeaddrinfo(list) }
        var next = list
        while let address = next?.pointee {
            let descriptor = HTTPListener.listen(on: address, configuration)
            if descriptor >= 0 {
                self.descriptor = descriptor
                port = HTTPListener.boundPort(descriptor)
                return
            }
            number = errno
            next = address.ai_next
        }
        throw .cannotListen(host: configuration.host, port: configuration.port, errorNumber: number)
    }

    deinit {
        close(descriptor)
    }

    private static func listen(on address: addrinfo, _ configuration: HTTPServerConfiguration) -> Int32 {
        let type = address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.ai_family, type, address.ai_protocol)
        guard descriptor >= 0 else { return -1 }
        set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if configuration.reusesPort { set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        // Inherited by the sockets that it accepts, which saves a call for each.
        set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if address.ai_family == AF_INET6 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        if bind(descriptor, address.ai_addr, address.ai_addrlen) == 0,
            Glibc.listen(descriptor, configuration.backlog) == 0
        {
            return descriptor
        }
        let number = errno
        close(descriptor)
        errno = number
        return -1
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func boundPort(_ descriptor: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
        }
        return HTTPPeer(storage).port
    }

    /// Takes one connection of the queue, if there is any.
    func accept() -> Accepted {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let socket = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.accept(descriptor, $0, &length)
            }
        }
        if socket >= 0 {
            // Swift's Glibc module has no accept4. The socket may block: each read and write says MSG_DONTWAIT itself.
            _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
            return .connection(socket, HTTPPeer(storage))
        }
        switch errno {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
        default: return .none
        }
    }
}
