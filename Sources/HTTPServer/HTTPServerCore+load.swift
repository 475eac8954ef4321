internal import EventLoop
internal import Glibc

extension HTTPServerCore {
    // MARK: Who gives way

    /// Makes room for a newcomer: what has waited longest for a request gives way, or else the request that has been
    /// arriving for longest, or the client that has let its response wait for longest; never one that is being answered.
    ///
    /// - Returns: false when there is none of either.
    func makeRoom() -> Bool {
        // A request may have arrived on one that looks idle; it is read first. A few such at most: else all are busy.
        for _ in 0..<4 {
            guard let connection = lists[HTTPConnection.Waiting.request.rawValue].oldest else { break }
            guard connection.hasUnreadInput else {
                statistics.displaced += 1
                connection.close()
                return true
            }
            // Behind the others: its turn to be read comes in this turn of the loop.
            list(connection, as: .request)
        }
        for waiting in [HTTPConnection.Waiting.content, .reader] {
            guard let connection = lists[waiting.rawValue].oldest else { continue }
            statistics.displaced += 1
            connection.close()
            return true
        }
        return false
    }

    /// Moves a connection to the end of the list of its state.
    func list(_ connection: HTTPConnection, as waiting: HTTPConnection.Waiting?) {
        if let old = connection.listed { lists[old.rawValue].remove(connection) }
        // Those over the cap take nobody's place, so nobody is served by their end.
        connection.listed = connection.isOverflow ? nil : waiting
        guard let waiting = connection.listed else { return }
        connection.listedAt = now
        lists[waiting.rawValue].append(connection)
    }

    /// Notes how much memory a connection's buffers hold, and sees to the limit.
    func account(_ connection: HTTPConnection) {
        let bytes = connection.bufferedBytes
        statistics.heldBytes += bytes - connection.accountedBytes
        connection.accountedBytes = bytes
        if statistics.heldBytes > configuration.maxBufferedBytes, !isShedding { shed() }
    }

    /// Gives up the requests that have been arriving, and the responses that have been leaving, for longest.
    private func shed() {
        isShedding = true
        defer { isShedding = false }
        while statistics.heldBytes > configuration.maxBufferedBytes {
            let receiving = lists[HTTPConnection.Waiting.content.rawValue].oldest
            let writing = lists[HTTPConnection.Waiting.reader.rawValue].oldest
            statistics.displaced += 1
            if let receiving, receiving.listedAt <= writing?.listedAt ?? .max {
                receiving.giveUpRequest()
            } else if let writing {
                writing.close()
            } else {
                statistics.displaced -= 1
                return
            }
        }
    }

    // MARK: Turns of the loop

    /// Requests that are taken in one turn of the loop: of 8 to 64, what served 512 clients at a time fastest.
    private static let requestsPerTurn = 32

    /// Whether there is room for one more request in this turn.
    ///
    /// What has been begun goes on before more is begun: of a thousand requests that come at once all would else be taken, and
    /// each step of each find its memory gone from the processor's cache. The others wait in their sockets.
    func takesRequest() -> Bool {
        if requestsInTurn == 0 { loop.beforePolling { [self] in requestsInTurn = 0 } }
        guard requestsInTurn < HTTPServerCore.requestsPerTurn else { return false }
        requestsInTurn += 1
        return true
    }

    // MARK: The slow lane

    /// Time of a turn of the loop for the connections in the slow lane together, in nanoseconds: what all others wait for them.
    private static let laneSlice: UInt64 = 250_000
    /// Time that the lane may have saved up while nobody was in it, in nanoseconds.
    private static let maxLaneCredit: Int64 = 4_000_000
    /// How long the lane rests once it has used its share.
    private static let lanePause = Duration.milliseconds(1)

    /// Puts a connection into the slow lane: it goes on when its turn comes, behind all that is in the normal one.
    func enqueue(_ connection: HTTPConnection) {
        lane.append(connection)
        if laneTimer?.isScheduled == false { laneTimer?.schedule(after: .zero) }
    }

    /// Serves the lane for a moment, then lets the others have theirs.
    ///
    /// The lane has a quarter of the time: a flood of what is refused leaves the rest to agents, platforms and other programs, and
    /// the scheduler of a busy machine does not take us for one that needs no answer soon.
    func runLane() {
        let begin = now
        laneCredit = min(HTTPServerCore.maxLaneCredit, laneCredit + Int64(clamping: (begin - laneRefilled) / 4))
        laneRefilled = begin
        guard laneCredit > 0 else {
            laneTimer?.schedule(after: HTTPServerCore.lanePause)
            return
        }
        var end = begin
        while laneHead < lane.count, end - begin < HTTPServerCore.laneSlice {
            let connection = lane[laneHead]
            laneHead += 1
            connection.takeTurn()
            end = now
        }
        laneCredit -= Int64(clamping: end - begin)
        if laneHead == lane.count {
            lane.removeAll(keepingCapacity: lane.count < 1024)
            laneHead = 0
        } else {
            if laneHead > 1024, laneHead > lane.count / 2 {
                lane.removeFirst(laneHead)
                laneHead = 0
            }
            laneTimer?.schedule(after: .zero)
        }
    }
}
