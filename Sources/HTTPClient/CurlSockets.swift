internal import CCurl
internal import EventLoop
internal import Glibc

/// The descriptors of a client's multi handles and what curl waits for on them.
///
/// Confined to the loop.
final class CurlSockets {
    private let loop: EventLoop
    // Indexed by descriptor: the kernel hands out the lowest free number, so the list stays dense.
    private var sockets: [CurlSocket?] = []

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Takes a connection that curl has opened.
    func opened(_ descriptor: curl_socket_t, for multi: CurlMulti) {
        keep(CurlSocket(watcher: watcher(of: descriptor), multi: multi, isConnection: true), for: descriptor)
    }

    /// Forgets a descriptor: it is closed next, or another's from now on.
    func forget(_ descriptor: curl_socket_t) {
        guard sockets.indices.contains(Int(descriptor)) else { return }
        sockets[Int(descriptor)] = nil
    }

    /// Watches a descriptor for what curl wants to know of it.
    func curlWants(_ what: Int32, of descriptor: curl_socket_t, in multi: CurlMulti) {
        var wanted: SocketWatcher.Readiness = []
        if what == CURL_POLL_IN || what == CURL_POLL_INOUT { wanted.insert(.read) }
        if what == CURL_POLL_OUT || what == CURL_POLL_INOUT { wanted.insert(.write) }
        let known = sockets.indices.contains(Int(descriptor)) ? sockets[Int(descriptor)] : nil
        if wanted.isEmpty, known?.isConnection != true {
            // Descriptors of curl's own resolver are closed without a word, right after this.
            if known != nil { sockets[Int(descriptor)] = nil }
            return
        }
        let socket = known ?? CurlSocket(watcher: watcher(of: descriptor), multi: multi, isConnection: false)
        if known == nil { keep(socket, for: descriptor) }
        socket.wanted = wanted
        // An idle connection stays watched for reading, which is what its next transfer wants: that spares the kernel two
        // calls a transfer. A refused watch is met by the transfer's time limit.
        try? socket.watcher.watch(wanted.isEmpty ? .read : wanted)
    }

    private func keep(_ socket: CurlSocket, for descriptor: curl_socket_t) {
        while sockets.count <= Int(descriptor) { sockets.append(nil) }
        sockets[Int(descriptor)] = socket
    }

    private func watcher(of descriptor: curl_socket_t) -> SocketWatcher {
        SocketWatcher(descriptor, on: loop) { [unowned self] readiness in
            guard let socket = sockets[Int(descriptor)] else { return }
            guard !socket.wanted.isEmpty else {
                // An idle connection that the server closed: curl sees it when it next looks for one.
                socket.watcher.cancel()
                return
            }
            var bits: Int32 = 0
            if readiness.contains(.read) { bits |= CURL_CSELECT_IN }
            if readiness.contains(.write) { bits |= CURL_CSELECT_OUT }
            socket.multi.act(on: descriptor, bits)
        }
    }
}

/// A descriptor of curl's and what curl waits for on it.
private final class CurlSocket {
    let watcher: SocketWatcher
    /// Whose it is; curl closes it before that goes.
    unowned let multi: CurlMulti
    /// True for connections, whose opening and closing pass through us; false for what curl's resolver uses.
    let isConnection: Bool
    var wanted: SocketWatcher.Readiness = []

    init(watcher: SocketWatcher, multi: CurlMulti, isConnection: Bool) {
        self.watcher = watcher
        self.multi = multi
        self.isConnection = isConnection
    }
}
