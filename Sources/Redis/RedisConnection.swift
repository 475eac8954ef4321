internal import Crypto
internal import EventLoop
internal import Glibc

/// One connection's bytes: a nonblocking socket, TLS where asked for, and hiredis's reader.
///
/// Knows nothing of commands: bytes go in by ``write(_:)``, replies and the end come out. Confined to the loop.
final class RedisConnection {
    /// What happens, told to the owner.
    enum Event {
        case connected
        case reply(RedisValue)
        case ended(RedisError)
    }

    /// Commands of at least so many bytes go out from their own buffer; smaller ones are gathered.
    private static let ownSegment = 16 << 10
    private static let readSize = 64 << 10

    /// Bytes of the stream of commands that were handed to the kernel, or to TLS.
    private(set) var sentOffset = 0
    /// Bytes of the stream of commands so far.
    private(set) var writtenOffset = 0

    private let loop: EventLoop
    private let onEvent: (Event) -> Void
    private let reader: ReplyReader
    private var addresses: ArraySlice<SocketAddress>
    private var tls: TLSClientSession?
    private var descriptor: Int32 = -1
    private var watcher: SocketWatcher?
    private var isConnected = false
    private var isEnded = false
    private var isFlushPlanned = false
    // What is still to be sent: whole buffers, of which the first may be sent in part.
    private var segments: [Segment] = []
    private var firstSegment = 0

    private struct Segment {
        var bytes: ArraySlice<UInt8>
        let isShared: Bool
    }

    /// A connection that tries the addresses in order.
    init(
        to addresses: [SocketAddress], tls: TLSClientSession?, loop: EventLoop, maxReplyBytes: Int,
        onEvent: @escaping (Event) -> Void
    ) {
        self.loop = loop
        self.addresses = addresses[...]
        self.tls = tls
        self.onEvent = onEvent
        reader = ReplyReader(limit: maxReplyBytes)
    }

    deinit {
        closeSocket()
    }

    /// Starts with the first address.
    func start() {
        tryNext(after: RedisError(code: .notConnected, message: "the host has no address"))
    }

    /// Closes without a word to the owner.
    func cancel() {
        isEnded = true
        closeSocket()
        segments = []
        firstSegment = 0
    }

    /// Queues bytes; they go out at the end of the loop's turn, with all others of the turn.
    func write(_ bytes: ArraySlice<UInt8>) {
        writtenOffset += bytes.count
        if bytes.count >= RedisConnection.ownSegment {
            segments.append(Segment(bytes: bytes, isShared: false))
        } else if let last = segments.indices.last, last >= firstSegment, segments[last].isShared,
            segments[last].bytes.count < RedisConnection.ownSegment * 4
        {
            segments[last].bytes.append(contentsOf: bytes)
        } else {
            var gathered: [UInt8] = []
            gathered.reserveCapacity(max(bytes.count, 1024))
            gathered.append(contentsOf: bytes)
            segments.append(Segment(bytes: gathered[...], isShared: true))
        }
        planFlush()
    }

    private func planFlush() {
        guard isConnected, !isFlushPlanned else { return }
        isFlushPlanned = true
        loop.beforePolling { [self] in
            isFlushPlanned = false
            flush()
        }
    }

    // MARK: Connecting

    private func tryNext(after error: RedisError) {
        closeSocket()
        guard let address = addresses.popFirst() else { return end(error) }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return tryNext(after: RedisConnection.failure(errno)) }
        if address.family != AF_UNIX {
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
            setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, socklen_t(MemoryLayout<Int32>.size))
        }
        let code = address.connect(descriptor)
        // A Unix socket with a full backlog says EAGAIN and cannot be waited for; the next attempt comes after the pause.
        guard code == 0 || code == EINPROGRESS else { return tryNext(after: RedisConnection.failure(code)) }
        let watcher = SocketWatcher(descriptor, on: loop) { [unowned self] ready in socketIsReady(ready) }
        self.watcher = watcher
        watch(.write)
    }

    private func finishConnecting() {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0, code == 0 else {
            return tryNext(after: RedisConnection.failure(code))
        }
        isConnected = true
        watch(.read)
        onEvent(.connected)
        planFlush()
    }

    // MARK: Moving bytes

    private func socketIsReady(_ ready: SocketWatcher.Readiness) {
        // An event may end the connection, and its owner let go of it.
        withExtendedLifetime(self) {
            guard isConnected else { return finishConnecting() }
            if ready.contains(.read) { receive() }
            if ready.contains(.write), !isEnded { flush() }
        }
    }

    private func receive() {
        let outcome: Result<Int, RedisError> = withUnsafeTemporaryAllocation(
            byteCount: RedisConnection.readSize, alignment: 1
        ) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count < 0, errno == EAGAIN || errno == EINTR { return .success(0) }
            if count < 0 { return .failure(RedisConnection.failure(errno)) }
            if count == 0 {
                return .failure(RedisError(code: .notConnected, message: "the server closed the connection"))
            }
            // One read a turn: the loop comes back while there is more, and others have their turn in between.
            return Result { () throws(RedisError) in
                try take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                return count
            }
        }
        if case .failure(let error) = outcome { end(error) }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        guard let tls else { return try parse(bytes) }
        let plain: [UInt8]
        do {
            try tls.receive(bytes)
            plain = try tls.read()
        } catch {
            sendAlert(of: tls)
            throw RedisError(code: .notConnected, message: "\(error)")
        }
        if !plain.isEmpty {
            let outcome = plain.withUnsafeBytes { raw in Result { () throws(RedisError) in try parse(raw) } }
            try outcome.get()
        }
        guard !isEnded else { return }
        if tls.state == .closed { throw RedisError(code: .notConnected, message: "the server closed the TLS session") }
        planFlush()
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        try reader.feed(bytes) { value in
            onEvent(.reply(value))
            return !isEnded
        }
    }

    private func flush() {
        guard isConnected, !isEnded else { return }
        do throws(RedisError) {
            if let tls { try encrypt(with: tls) }
            try sendSegments(countsAsSent: tls == nil)
        } catch {
            end(error)
        }
    }

    /// Turns what waits into TLS records; the kernel then gets those.
    private func encrypt(with tls: TLSClientSession) throws(RedisError) {
        do {
            for index in plainSegments..<segments.count {
                try tls.write(Array(segments[index].bytes))
                sentOffset += segments[index].bytes.count
            }
        } catch {
            throw RedisError(code: .notConnected, message: "\(error)")
        }
        segments.removeSubrange(plainSegments...)
        let records = tls.takeOutgoing()
        if !records.isEmpty { segments.append(Segment(bytes: records[...], isShared: false)) }
        plainSegments = segments.count
    }

    /// With TLS: the first segment that is not encrypted yet.
    private var plainSegments = 0

    private func sendSegments(countsAsSent: Bool) throws(RedisError) {
        while firstSegment < segments.count {
            let bytes = segments[firstSegment].bytes
            let count = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 {
                if errno == EINTR { continue }
                guard errno == EAGAIN else { throw RedisConnection.failure(errno) }
                segments.removeFirst(firstSegment)
                plainSegments -= min(plainSegments, firstSegment)
                firstSegment = 0
                return watch([.read, .write])
            }
            if countsAsSent { sentOffset += count }
            if count == bytes.count {
                segments[firstSegment].bytes = []
                firstSegment += 1
            } else {
                segments[firstSegment].bytes.removeFirst(count)
            }
        }
        segments.removeAll(keepingCapacity: true)
        firstSegment = 0
        plainSegments = 0
        watch(.read)
    }

    /// Tells the server in TLS's words why we leave, as far as the socket takes it.
    private func sendAlert(of tls: TLSClientSession) {
        let bytes = tls.takeOutgoing()
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    // MARK: Ending

    private func end(_ error: RedisError) {
        guard !isEnded else { return }
        cancel()
        onEvent(.ended(error))
    }

    private func closeSocket() {
        // The watcher first: it must not outlive its descriptor.
        watcher = nil
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private func watch(_ interest: SocketWatcher.Readiness) {
        do {
            try watcher?.watch(interest)
        } catch {
            end(RedisError(code: .notConnected, message: "\(error)"))
        }
    }

    private static func failure(_ code: Int32) -> RedisError {
        RedisError(code: .notConnected, message: String(cString: strerror(code)))
    }
}
