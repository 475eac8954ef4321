internal import CCurl
internal import EventLoop

/// One of curl's multi handles on a loop: runs transfers and keeps their connections for the next ones.
///
/// Confined to the loop. curl asks for descriptors and time through the callbacks; it runs when those are ready, and for new
/// transfers once at the end of the loop's turn, so that a turn's requests go out together. What comes of its transfers it tells
/// the ``TransferPool`` that it belongs to, which outlives it.
final class CurlMulti {
    /// Whose transfers run here.
    unowned let pool: TransferPool
    /// The origin that it serves alone; nil when any may come.
    let origin: Origin?
    /// Its place among those of its origin.
    let place: Int
    /// Transfers that were given to it and have not ended.
    var running = 0
    /// True when a transfer came since the pool last looked.
    var wasUsed = true

    private let multi: UnsafeMutableRawPointer
    private let loop: EventLoop
    private var timer: LoopTimer?
    /// When curl wants to run next, and what the timer is set for: it may go off too early, and is then set again.
    private var due = UInt64.max
    private var timerIsSetFor = UInt64.max
    private var isKickPending = false
    private var isClosed = false

    private static let isGlobalReady: Bool = curl_global_init(cb_global_all) == CURLE_OK
    // Debian's and Ubuntu's curl look names up on threads; one without that would hold up the loop.
    private static let looksUpAside: Bool = {
        guard let version = curl_version_info(cb_version_now) else { return false }
        return version.pointee.features & CURL_VERSION_ASYNCHDNS != 0
    }()

    init(in pool: TransferPool, for origin: Origin? = nil, at place: Int = 0) throws(HTTPClientError) {
        guard CurlMulti.isGlobalReady, let multi = curl_multi_init() else {
            throw HTTPClientError(code: .other(2), mayHaveBeenProcessed: false, message: "curl does not start")
        }
        guard CurlMulti.looksUpAside else {
            curl_multi_cleanup(multi)
            throw HTTPClientError(
                code: .other(4), mayHaveBeenProcessed: false,
                message: "this libcurl cannot look up names without blocking")
        }
        self.pool = pool
        self.origin = origin
        self.place = place
        self.multi = multi
        loop = pool.loop
        let this = Unmanaged.passUnretained(self).toOpaque()
        cb_multi_set_socket_function(multi, CurlCallbacks.socket)
        cb_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, this)
        cb_multi_set_timer_function(multi, CurlCallbacks.timer)
        cb_multi_set_pointer(multi, CURLMOPT_TIMERDATA, this)
        // HTTP/2, but one transfer a connection: with several, curl 7.88 under load leaves one in forty bursts of forty waiting
        // for data that it has read already, until its time is over.
        cb_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        cb_multi_set_long(multi, CURLMOPT_MAXCONNECTS, pool.configuration.maxConnections)
        timer = LoopTimer(on: loop) { [unowned self] in checkTime() }
    }

    /// Closes all connections; no transfer may be left in it, and it must be called before the last release.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        timer = nil
        curl_multi_cleanup(multi)
    }

    /// Takes a transfer; it starts at the end of the turn.
    func add(_ transfer: Transfer) -> CURLMcode {
        curl_multi_add_handle(multi, transfer.handle)
    }

    /// Takes a transfer out of curl, which closes a connection in mid-transfer.
    func remove(_ transfer: Transfer) {
        curl_multi_remove_handle(multi, transfer.handle)
    }

    /// Lets curl do what the readiness of a descriptor calls for, or what time does.
    func act(on descriptor: curl_socket_t, _ bits: Int32) {
        guard !isClosed else { return }
        pool.beginTurn()
        var running: Int32 = 0
        curl_multi_socket_action(multi, descriptor, bits, &running)
        pool.tellReaders()
        var left: Int32 = 0
        // A continuation that is resumed does not run before this has returned, so nobody closes us meanwhile.
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE else { continue }
            // Copied: the message dies with the handle's removal.
            let code = message.pointee.data.result
            var context: UnsafeMutableRawPointer?
            cb_easy_get_pointer(message.pointee.easy_handle, CURLINFO_PRIVATE, &context)
            guard let context else { continue }
            pool.finish(Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue(), code)
        }
    }

    // MARK: Time

    func curlWantsToWait(milliseconds: Int) {
        if milliseconds == 0 { return kick() }
        // Each transfer brings limits that are seconds away and takes them along when it ends. So a timer that is set early enough
        // is left alone, and finds by itself that nothing is due yet.
        due = milliseconds < 0 ? .max : TransferClock.now + UInt64(milliseconds) * 1_000_000
        if due < timerIsSetFor { setTimer() }
    }

    private func setTimer() {
        timerIsSetFor = due
        let now = TransferClock.now
        // A step of the coarse clock more: curl's own is exact, and does nothing when it is asked too early.
        timer?.schedule(after: .nanoseconds(Int64(clamping: due > now ? due - now : 0)) + .milliseconds(4))
    }

    private func checkTime() {
        timerIsSetFor = .max
        guard due != .max else { return }
        guard due <= TransferClock.now else { return setTimer() }
        due = .max
        act(on: cb_socket_timeout, 0)
    }

    private func kick() {
        guard !isKickPending else { return }
        isKickPending = true
        loop.beforePolling { [self] in
            isKickPending = false
            act(on: cb_socket_timeout, 0)
        }
    }
}
