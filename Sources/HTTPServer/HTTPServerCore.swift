internal import EventLoop
internal import Glibc
internal import HTTPCore

/// What a server's connections share: the listener, the buffers, the clock and the deadlines.
///
/// Belongs to the loop.
final class HTTPServerCore {
    /// A turn's reading from one socket; requests larger than this take several turns, so no connection starves the others.
    static let readBufferBytes = 65_536
    /// The largest output buffer that is kept for the next response.
    private static let maxSpareBytes = 262_144
    /// Refused connections at a time that are still told why; beyond them the kernel's queue holds newcomers.
    private static let maxOverflow = 64
    /// Connections accepted in one turn, before requests get theirs.
    private static let acceptsPerTurn = 16
    /// How long accepting rests after the system ran out of descriptors.
    private static let exhaustedPause = Duration.milliseconds(100)

    let server: HTTPServer
    let loop: EventLoop
    let configuration: HTTPServerConfiguration
    let handler: @Sendable (HTTPRequest) -> HTTPResult
    let port: UInt16
    let readBuffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: HTTPServerCore.readBufferBytes)
    var statistics = HTTPServerStatistics()
    private(set) var isDraining = false

    private var listener: HTTPListener?
    private var acceptWatcher: SocketWatcher?
    private var resumeTimer: LoopTimer?
    private var connections: [Int32: HTTPConnection] = [:]
    private var overflowCount = 0
    private var spare: [UInt8] = []
    private var sweepTimer: LoopTimer?
    private var nextSweep = UInt64.max
    private var dateSecond = -1
    private var cachedDateLine: [UInt8] = []
    private var drainWaiter: CheckedContinuation<Void, Never>?

    /// Those that may have to give way, by what they wait for.
    var lists = HTTPConnection.Waiting.allCases.map { _ in HTTPConnectionList() }
    var isShedding = false
    /// Requests that were taken since the loop last looked at its sockets.
    var requestsInTurn = 0
    /// Those that wait for their turn behind everybody else, from `laneHead` on.
    var lane: [HTTPConnection] = []
    var laneHead = 0
    var laneCredit: Int64 = 0
    var laneRefilled: UInt64 = 0
    private(set) var laneTimer: LoopTimer?

    init(
        server: HTTPServer, listener: HTTPListener, configuration: HTTPServerConfiguration,
        handler: @escaping @Sendable (HTTPRequest) -> HTTPResult
    ) {
        self.server = server
        loop = server.loop
        self.listener = listener
        port = listener.port
        self.configuration = configuration
        self.handler = handler
        sweepTimer = LoopTimer(on: loop) { [unowned self] in sweep() }
        laneTimer = LoopTimer(on: loop) { [unowned self] in runLane() }
    }

    deinit {
        readBuffer.deallocate()
    }

    // MARK: Accepting

    func startAccepting() {
        guard let listener else { return }
        let watcher = SocketWatcher(listener.descriptor, on: loop) { [unowned self] _ in acceptSome() }
        acceptWatcher = watcher
        resumeTimer = LoopTimer(on: loop) { [unowned self] in resumeAccepting() }
        resumeAccepting()
    }

    private func resumeAccepting() {
        // The listening socket is ours and open: a refusal means that the kernel has no memory now.
        do { try acceptWatcher?.watch(.read) } catch { resumeTimer?.schedule(after: HTTPServerCore.exhaustedPause) }
    }

    private func acceptSome() {
        guard let listener else { return }
        for _ in 0..<HTTPServerCore.acceptsPerTurn {
            if overflowCount >= HTTPServerCore.maxOverflow {
                // Resumed by the next connection that ends.
                acceptWatcher?.cancel()
                return
            }
            switch listener.accept() {
            case .connection(let descriptor, let peer):
                add(descriptor, peer)
            case .none:
                return
            case .exhausted:
                if makeRoom() { continue }
                // The listener stays ready: without a pause the loop would turn and turn on it.
                acceptWatcher?.cancel()
                resumeTimer?.schedule(after: HTTPServerCore.exhaustedPause)
                return
            }
        }
    }

    private func add(_ descriptor: Int32, _ peer: HTTPPeer) {
        let isFull = connections.count - overflowCount >= configuration.maxConnections
        let isOverflow = isFull && !makeRoom()
        let connection = HTTPConnection(descriptor, peer: peer, isOverflow: isOverflow, core: self)
        connections[descriptor] = connection
        statistics.connections += 1
        statistics.accepted += 1
        if isOverflow {
            overflowCount += 1
            statistics.overflowed += 1
        }
        connection.open()
    }

    /// Forgets a connection that has closed its socket.
    func remove(_ connection: HTTPConnection) {
        connections[connection.descriptor] = nil
        statistics.connections -= 1
        if connection.isOverflow { overflowCount -= 1 }
        if isDraining {
            if connections.isEmpty { endDrain() }
        } else if acceptWatcher?.interest == [], resumeTimer?.isScheduled != true {
            resumeAccepting()
        }
    }

    // MARK: Draining

    func drain(deadline: Duration) async {
        guard !isDraining else { return }
        // Those in the kernel's queue have connected: they are served rather than reset.
        acceptSome()
        isDraining = true
        acceptWatcher = nil
        resumeTimer = nil
        listener = nil
        for connection in connections.values { connection.drain() }
        guard !connections.isEmpty else { return endDrain() }
        let timer = LoopTimer(on: loop) { [unowned self] in
            for connection in connections.values { connection.close() }
        }
        timer.schedule(after: deadline)
        await withCheckedContinuation { drainWaiter = $0 }
        timer.cancel()
    }

    private func endDrain() {
        sweepTimer = nil
        laneTimer = nil
        drainWaiter?.resume()
        drainWaiter = nil
    }

    // MARK: Buffers and clocks

    /// True while half of the memory for buffers is in use: nothing is read that can wait in the kernel.
    var isShortOfMemory: Bool { statistics.heldBytes > configuration.maxBufferedBytes / 2 }

    /// Lends the buffer that responses are written to: connections that wait for requests hold none.
    func takeSpareBuffer() -> [UInt8] {
        var buffer: [UInt8] = []
        swap(&buffer, &spare)
        return buffer
    }

    /// Takes a buffer back, empty.
    func giveBack(_ buffer: inout [UInt8]) {
        buffer.removeAll(keepingCapacity: true)
        if buffer.capacity <= HTTPServerCore.maxSpareBytes, buffer.capacity > spare.capacity { swap(&buffer, &spare) }
        buffer = []
    }

    /// The complete `Date` line, made anew once a second.
    var dateLine: [UInt8] {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        if now.tv_sec != dateSecond {
            dateSecond = now.tv_sec
            cachedDateLine = Array("Date: \(HTTPDate.format(now.tv_sec))\r\n".utf8)
        }
        return cachedDateLine
    }

    /// Nanoseconds of the monotonic clock.
    var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Sees to it that a sweep comes at this time or before.
    ///
    /// One timer serves all connections: a request then costs a compare and no change of a timer, since its deadlines
    /// mostly lie behind a sweep that is due anyway.
    func noteDeadline(_ deadline: UInt64, now: UInt64) {
        guard deadline < nextSweep else { return }
        nextSweep = deadline
        sweepTimer?.schedule(after: .nanoseconds(Int64(clamping: deadline - min(now, deadline))))
    }

    private func sweep() {
        let now = self.now
        var earliest = UInt64.max
        nextSweep = .max
        for connection in connections.values {
            if connection.deadline <= now {
                connection.deadlineHasPassed()
            } else {
                earliest = min(earliest, connection.deadline)
            }
        }
        noteDeadline(earliest, now: now)
    }
}
