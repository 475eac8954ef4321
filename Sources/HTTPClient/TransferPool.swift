internal import CCurl
internal import EventLoop
internal import HTTPCore

/// All transfers of one client: its easy handles, which are used again and again, and the multi handles that they run in.
///
/// Confined to the loop. Most transfers share one multi handle; an origin with many at a time gets further ones of its own
/// (``Origin``).
final class TransferPool: @unchecked Sendable {
    // Unchecked: cancellation handlers on other threads carry the reference to `execute`, and nothing else.

    /// Easy handles kept for later use at the most: one is about 7 KB, and making one costs as much as a transfer.
    private static let idleLimit = 1024

    let loop: EventLoop
    let configuration: HTTPClientConfiguration
    let share: CurlShare
    let sockets: CurlSockets
    /// The time when curl was last let in, for callbacks that come by the thousand.
    private(set) var turnTime: UInt64 = 0
    /// Transfers that were started and have not ended.
    private(set) var running = 0

    private var shared: CurlMulti?
    private var origins = Origins()
    private var all: [Transfer] = []
    private var idle: [Transfer] = []
    /// The fewest idle handles since the last trim: that many were not needed.
    private var fewestIdle = 0
    private var trimTimer: LoopTimer?
    private var touched: [BodySource] = []
    private var isClosed = false

    init(loop: EventLoop, configuration: HTTPClientConfiguration) throws(HTTPClientError) {
        self.loop = loop
        self.configuration = configuration
        origins.isSeparate = configuration.proxy == nil
        share = try CurlShare()
        sockets = CurlSockets(loop: loop)
        shared = try CurlMulti(in: self)
        trimTimer = LoopTimer(on: loop) { [unowned self] in trim() }
    }

    /// Ends all transfers as cancelled and closes all connections; must be called before the last release.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        for transfer in all.reversed() { abort(transfer, .cancelled) }
        trimTimer = nil
        // Frees the handles' share of curl before the multi handles go, as curl_multi_cleanup(3) orders it.
        idle = []
        all = []
        origins.close()
        shared?.close()
    }

    // MARK: Transfers

    /// A handle that is set up for a request and not started.
    func transfer(for request: HTTPClientRequest) throws(HTTPClientError) -> Transfer {
        let url = try origins.parsed(request.url)
        let transfer: Transfer
        if let last = idle.popLast() {
            transfer = last
            fewestIdle = min(fewestIdle, idle.count)
        } else {
            transfer = try Transfer(pool: self)
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
        do throws(HTTPClientError) {
            let multi = try multi(for: transfer)
            enter(transfer, multi)
            let code = multi.add(transfer)
            guard code == CURLM_OK else {
                throw HTTPClientError(
                    code: .other(Int(code.rawValue)), mayHaveBeenProcessed: false,
                    message: String(cString: curl_multi_strerror(code)))
            }
        } catch {
            return end(transfer, with: error)
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

    // MARK: What came of curl's turn

    /// Curl is about to be let in.
    func beginTurn() {
        turnTime = TransferClock.now
    }

    /// Tells the waiting readers what came of curl's turn.
    func tellReaders() {
        guard !touched.isEmpty else { return }
        let sources = touched
        touched.removeAll(keepingCapacity: true)
        for source in sources {
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
    }

    /// Ends a transfer that curl has done with.
    func finish(_ transfer: Transfer, _ code: CURLcode) {
        if case .connect(let continuation) = transfer.purpose, code == CURLE_OK {
            // Stays in the multi handle, which owns the connection; no limit of the transfer is left, and no ticket.
            transfer.purpose = .connected
            transfer.generation += 1
            transfer.timer = nil
            return continuation.resume(returning: .success(()))
        }
        end(transfer, with: transfer.error(after: code))
    }

    func abort(_ transfer: Transfer, _ code: HTTPClientError.Code) {
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
        leave(transfer)
        transfer.resumeWaiters(with: error)
        recycle(transfer)
    }

    private func recycle(_ transfer: Transfer) {
        transfer.head = []
        transfer.body = []
        transfer.shedContent()
        if idle.count < TransferPool.idleLimit, !isClosed {
            idle.append(transfer)
            if trimTimer?.isScheduled == false { trimTimer?.schedule(after: configuration.burstMemory) }
            return
        }
        forget(transfer)
    }

    private func forget(_ transfer: Transfer) {
        if let last = all.popLast(), last !== transfer {
            last.index = transfer.index
            all[transfer.index] = last
        }
    }

    // MARK: Multi handles

    private func multi(for transfer: Transfer) throws(HTTPClientError) -> CurlMulti {
        guard let shared else {
            throw HTTPClientError(code: .cancelled, mayHaveBeenProcessed: false, message: "the client was shut down")
        }
        guard let origin = transfer.settings.url?.origin, origin.runningInShared >= Origin.limit else { return shared }
        return try origin.withRoom(in: self)
    }

    private func enter(_ transfer: Transfer, _ multi: CurlMulti) {
        transfer.multi = multi
        transfer.origin = transfer.settings.url?.origin
        multi.running += 1
        running += 1
        multi.wasUsed = true
        if multi.origin == nil { transfer.origin?.runningInShared += 1 }
    }

    private func leave(_ transfer: Transfer) {
        guard let multi = transfer.multi else { return }
        multi.remove(transfer)
        multi.running -= 1
        running -= 1
        if let origin = multi.origin {
            origin.hasRoom(at: multi.place)
        } else {
            transfer.origin?.runningInShared -= 1
        }
        transfer.multi = nil
        transfer.origin = nil
    }

    /// Lets go what was not used since the last time, and comes again while there is something left.
    private func trim() {
        let surplus = min(fewestIdle, idle.count)
        for transfer in idle.prefix(surplus) { forget(transfer) }
        idle.removeFirst(surplus)
        fewestIdle = idle.count
        let hasOwn = origins.trim()
        if hasOwn || !idle.isEmpty { trimTimer?.schedule(after: configuration.burstMemory) }
    }
}
