internal import CCurl
internal import EventLoop
internal import HTTPCore

/// curl's multi handle on a loop: runs transfers, keeps connections and easy handles for the next ones.
///
/// Confined to the loop. curl asks for descriptors and time through the callbacks; it runs when those are ready, and for new
/// transfers once at the end of the loop's turn, so that a turn's requests go out together.
final class CurlMulti: @unchecked Sendable {
    // Unchecked: cancellation handlers on other threads carry the reference to `execute`, and nothing else.

    /// Easy handles kept for later use: with its buffer one is about 22 KiB, and making one costs as much as a transfer.
    private static let idleLimit = 1024

    let loop: EventLoop
    let configuration: HTTPClientConfiguration
    /// The time when curl was last let in, for callbacks that come by the thousand.
    private(set) var turnTime: UInt64 = 0

    private let multi: UnsafeMutableRawPointer
    private var all: [Transfer] = []
    private var urls = ParsedURLs()
    private var idle: [Transfer] = []
    private var touched: [BodySource] = []
    private var timer: LoopTimer?
    private var isKickPending = false
    private var isClosed = false
    // Indexed by descriptor: the kernel hands out the lowest free number, so the list stays dense.
    private var sockets: [CurlSocket?] = []

    private static let isGlobalReady: Bool = curl_global_init(cb_global_all) == CURLE_OK
    // Debian's and Ubuntu's curl look names up on threads; one without that would hold up the loop.
    private static let looksUpAside: Bool = {
        guard let version = curl_version_info(cb_version_now) else { return false }
        return version.pointee.features & CURL_VERSION_ASYNCHDNS != 0
    }()

    init(loop: EventLoop, configuration: HTTPClientConfiguration) throws(HTTPClientError) {
        guard CurlMulti.isGlobalReady, let multi = curl_multi_init() else {
            throw HTTPClientError(code: .other(2), mayHaveBeenProcessed: false, message: "curl does not start")
        }
        guard CurlMulti.looksUpAside else {
            curl_multi_cleanup(multi)
            throw HTTPClientError(
                code: .other(4), mayHaveBeenProcessed: false,
                message: "this libcurl cannot look up names without blocking")
        }
        self.loop = loop
        self.configuration = configuration
        self.multi = multi
        let this = Unmanaged.passUnretained(self).toOpaque()
        cb_multi_set_socket_function(multi, CurlCallbacks.socket)
        cb_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, this)
        cb_multi_set_timer_function(multi, CurlCallbacks.timer)
        cb_multi_set_pointer(multi, CURLMOPT_TIMERDATA, this)
        // HTTP/2, but one transfer a connection: with several, curl 7.88 under load leaves one in forty bursts of forty waiting
        // for data that it has read already, until its time is over.
        cb_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        cb_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.maxConnections)
        cb_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.maxConnectionsPerHost)
        timer = LoopTimer(on: loop) { [unowned self] in act(on: cb_socket_timeout, 0) }
    }

    /// Ends all transfers as cancelled and closes all connections; must be called before the last release.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        for transfer in all.reversed() { abort(transfer, .cancelled) }
        timer = nil
        // Frees the handles' share of curl before the multi handle goes, as curl_multi_cleanup(3) orders it.
        idle = []
        all = []
        curl_multi_cleanup(multi)
        sockets = []
    }

    // MARK: Transfers

    /// A handle that is set up for a request and not started.
    func transfer(for request: HTTPClientRequest) throws(HTTPClientError) -> Transfer {
        let url = try urls.parsed(request.url)
        let transfer: Transfer
        if let last = idle.popLast() {
            transfer = last
        } else {
            transfer = try Transfer(multi: self, configuration: configuration)
            transfer.index = all.count
            all.append(transfer)
        }
        do {
            try transfer.prepare(request, to: url)
        } catch {
            recycle(transfer)
            throw error
        }
        return transfer
    }

    func start(_ transfer: Transfer, _ purpose: Transfer.Purpose) {
        transfer.purpose = purpose
        // Runs in the task: a cancellation that came before this point found nothing to stop.
        if Task.isCancelled { return abort(transfer, .cancelled) }
        transfer.clock.start(at: TransferClock.now)
        let code = curl_multi_add_handle(multi, transfer.handle)
        guard code == CURLM_OK else {
            return end(
                transfer,
                with: HTTPClientError(
                    code: .other(Int(code.rawValue)), mayHaveBeenProcessed: false,
                    message: String(cString: curl_multi_strerror(code))))
        }
        watchClock(of: transfer)
    }

    /// Stops a transfer on the user's word, if the ticket's use of the handle is still running.
    func cancel(_ ticket: Ticket) {
        guard ticket.transfer.generation == ticket.generation else { return }
        abort(ticket.transfer, .cancelled)
    }

    /// Lets a stream flow again whose reader has taken what was held.
    func release(_ source: BodySource) {
        guard source.isHeldBack, let ticket = source.ticket, ticket.transfer.generation == ticket.generation else {
            return
        }
        source.isHeldBack = false
        ticket.transfer.clock.release(at: TransferClock.now)
        watchClock(of: ticket.transfer)
        // May hand over at once what curl itself held; no reader waits now, so nothing is resumed from here.
        curl_easy_pause(ticket.transfer.handle, CURLPAUSE_CONT)
    }

    /// Notes that a source has news for its reader.
    func touch(_ source: BodySource) {
        guard !source.isTouched else { return }
        source.isTouched = true
        touched.append(source)
    }

    // MARK: Running curl

    private func act(on descriptor: curl_socket_t, _ bits: Int32) {
        guard !isClosed else { return }
        turnTime = TransferClock.now
        var running: Int32 = 0
        curl_multi_socket_action(multi, descriptor, bits, &running)
        settle()
    }

    /// Tells the waiting tasks what came of curl's turn.
    private func settle() {
        if !touched.isEmpty {
            let sources = touched
            touched.removeAll(keepingCapacity: true)
            for source in sources { tellReader(of: source) }
        }
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE else { continue }
            // Copied: the message dies with the handle's removal.
            let code = message.pointee.data.result
            var context: UnsafeMutableRawPointer?
            cb_easy_get_pointer(message.pointee.easy_handle, CURLINFO_PRIVATE, &context)
            guard let context else { continue }
            finish(Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue(), code)
        }
    }

    private func tellReader(of source: BodySource) {
        source.isTouched = false
        if let waiter = source.headWaiter, let transfer = source.ticket?.transfer, transfer.isHeadComplete {
            source.headWaiter = nil
            waiter.resume(returning: .success(transfer.takeHead()))
        }
        if let reader = source.reader, !source.pending.isEmpty {
            source.reader = nil
            reader.resume(returning: .success(source.takePending()))
        }
    }

    private func finish(_ transfer: Transfer, _ code: CURLcode) {
        if case .connect(let continuation) = transfer.purpose, code == CURLE_OK {
            // Stays in the multi handle, which owns the connection; no limit of the transfer is left, and no ticket.
            transfer.purpose = .connected
            transfer.generation += 1
            transfer.timer = nil
            return continuation.resume(returning: .success(()))
        }
        if code == CURLE_OK, transfer.isHeadWhole {
            end(transfer, with: nil)
        } else if let failure = transfer.failure {
            end(
                transfer,
                with: HTTPClientError(
                    code: failure, mayHaveBeenProcessed: true,
                    message: failure == .tooLarge ? "the answer is longer than allowed" : "the answer is not HTTP"))
        } else if transfer.hasRefusedAddress, code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK {
            end(
                transfer,
                with: HTTPClientError(
                    code: .privateAddress, mayHaveBeenProcessed: transfer.wasSent,
                    message: "the address is not one of the Internet, and was not chosen by the configuration"))
        } else {
            let hasAnswer = transfer.status != 0 || !transfer.head.isEmpty
            end(
                transfer,
                with: HTTPClientError(
                    curl: code == CURLE_OK ? CURLE_GOT_NOTHING : code, wasSent: transfer.wasSent, hasAnswer: hasAnswer))
        }
    }

    private func abort(_ transfer: Transfer, _ code: HTTPClientError.Code) {
        if case .idle = transfer.purpose { return }
        let wasSent = transfer.wasSent
        if case .timeout(let limit) = code {
            end(transfer, with: HTTPClientError(timeout: limit, wasSent: wasSent))
        } else {
            end(
                transfer,
                with: HTTPClientError(
                    code: code, mayHaveBeenProcessed: wasSent, message: "the transfer was cancelled"))
        }
    }

    /// Takes the handle out of curl, which closes a connection in mid-transfer, and resumes who waits.
    private func end(_ transfer: Transfer, with error: HTTPClientError?) {
        curl_multi_remove_handle(multi, transfer.handle)
        let purpose = transfer.purpose
        transfer.purpose = .idle
        transfer.generation += 1
        switch purpose {
        case .idle, .connected: break
        case .connect(let continuation):
            continuation.resume(returning: error.map { .failure($0) } ?? .success(()))
        case .collect(let continuation):
            if let error {
                continuation.resume(returning: .failure(error))
            } else {
                continuation.resume(returning: .success(transfer.takeResponse()))
            }
        case .stream(let source):
            source.end = error.map { .failure($0) } ?? .success(())
            source.ticket = nil
            if let waiter = source.headWaiter {
                source.headWaiter = nil
                waiter.resume(returning: error.map { .failure($0) } ?? .success(transfer.takeHead()))
            }
            if let reader = source.reader {
                source.reader = nil
                if !source.pending.isEmpty {
                    reader.resume(returning: .success(source.takePending()))
                } else {
                    reader.resume(returning: error.map { .failure($0) } ?? .success(nil))
                }
            }
        }
        recycle(transfer)
    }

    private func recycle(_ transfer: Transfer) {
        transfer.head = []
        transfer.body = []
        if idle.count < CurlMulti.idleLimit, !isClosed {
            idle.append(transfer)
            return
        }
        if let last = all.popLast(), last !== transfer {
            last.index = transfer.index
            all[transfer.index] = last
        }
    }

    // MARK: Time

    /// Sets the transfer's timer unless it is set early enough: it then finds by itself that nothing is due yet.
    ///
    /// So a handle's timer fires once in a timeout, not once in a transfer.
    func watchClock(of transfer: Transfer) {
        let next = transfer.clock.next.at
        guard next < transfer.timerIsSetFor else { return }
        let timer =
            transfer.timer
            ?? LoopTimer(on: loop) { [unowned self, unowned transfer] in
                transfer.timerIsSetFor = .max
                if case .idle = transfer.purpose { return }
                let due = transfer.clock.next
                if due.at <= TransferClock.now { return abort(transfer, .timeout(due.limit)) }
                watchClock(of: transfer)
            }
        transfer.timer = timer
        transfer.timerIsSetFor = next
        let now = TransferClock.now
        // A step of the coarse clock more, so that the timer finds the limit passed.
        timer.schedule(after: .nanoseconds(Int64(clamping: next > now ? next - now : 0)) + .milliseconds(4))
    }

    func curlWantsToWait(milliseconds: Int) {
        if milliseconds == 0 { return kick() }
        if milliseconds < 0 { timer?.cancel() } else { timer?.schedule(after: .milliseconds(milliseconds)) }
    }

    private func kick() {
        guard !isKickPending else { return }
        isKickPending = true
        loop.beforePolling { [self] in
            isKickPending = false
            act(on: cb_socket_timeout, 0)
        }
    }

    // MARK: Sockets

    func curlOpened(_ descriptor: curl_socket_t) {
        keep(CurlSocket(watcher: watcher(of: descriptor), isConnection: true), for: descriptor)
    }

    func curlCloses(_ descriptor: curl_socket_t) {
        guard sockets.indices.contains(Int(descriptor)) else { return }
        sockets[Int(descriptor)] = nil
    }

    func curlWants(_ what: Int32, of descriptor: curl_socket_t) {
        var wanted: SocketWatcher.Readiness = []
        if what == CURL_POLL_IN || what == CURL_POLL_INOUT { wanted.insert(.read) }
        if what == CURL_POLL_OUT || what == CURL_POLL_INOUT { wanted.insert(.write) }
        let known = sockets.indices.contains(Int(descriptor)) ? sockets[Int(descriptor)] : nil
        if wanted.isEmpty, known?.isConnection != true {
            // Descriptors of curl's own resolver are closed without a word, right after this.
            if known != nil { sockets[Int(descriptor)] = nil }
            return
        }
        let socket = known ?? CurlSocket(watcher: watcher(of: descriptor), isConnection: false)
        if known == nil { keep(socket, for: descriptor) }
        socket.wanted = wanted
        // An idle connection stays watched for reading, which is what its next transfer wants: that spares the kernel two
        // calls a transfer. A refused watch is met by the transfer's time limit.
        try? socket.watcher.watch(wanted.isEmpty ? .read : wanted)
    }

    /// Leaves a descriptor to another watcher.
    func stopWatching(_ descriptor: curl_socket_t) {
        curlCloses(descriptor)
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
            act(on: descriptor, bits)
        }
    }
}

/// A descriptor of curl's and what curl waits for on it.
private final class CurlSocket {
    let watcher: SocketWatcher
    /// True for connections, whose opening and closing pass through us; false for what curl's resolver uses.
    let isConnection: Bool
    var wanted: SocketWatcher.Readiness = []

    init(watcher: SocketWatcher, isConnection: Bool) {
        self.watcher = watcher
        self.isConnection = isConnection
    }
}
