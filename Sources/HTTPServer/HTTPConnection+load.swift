internal import Glibc

extension HTTPConnection {
    /// What a connection waits for, where it may have to give way to others.
    enum Waiting: Int, CaseIterable {
        /// The next request, of which nothing has come.
        case request
        /// The rest of a request.
        case content
        /// A client that takes what was written.
        case reader
    }

    /// After this time of parsing and handling, in nanoseconds, a connection lets others have their turn.
    private static let slice: UInt64 = 250_000
    /// Refusals in a row from which on a connection is taken for one that sends nothing good.
    static let maxRefusals = 3

    /// Begins a piece of work whose time counts.
    func startTurn() {
        turnBegin = core.now
        isPaused = false
        handledInTurn = 0
    }

    /// Stops parsing when the turn's time is over; the rest waits in the slow lane.
    func checkTime() {
        handledInTurn += 1
        if core.now - turnBegin > HTTPConnection.slice { isPaused = true }
    }

    /// Decides by what the turn was whether the next goes to the slow lane.
    ///
    /// What took long, pipelined much, sends a large content or was refused three times in a row does, until a turn was none of
    /// that. Nothing else is told from forged or wasteful requests as cheaply; in the lane they are
    /// answered all the same, but nobody waits for them.
    func endTurn() {
        if isPaused || refusals >= HTTPConnection.maxRefusals || isBulky {
            isSlow = true
        } else if core.now - turnBegin > 2 * HTTPConnection.slice {
            isSlow = true
        } else if handledInTurn > 0 {
            isSlow = false
        }
        guard isPaused else { return }
        isPaused = false
        if stage == .open, exchange == nil, !isBlocked, hasPending { waitInLane() }
    }

    /// Leaves the normal lane until ``takeTurn()``.
    func waitInLane() {
        guard !isQueued else { return }
        isQueued = true
        core.enqueue(self)
        updateInterest()
    }

    /// A turn in the slow lane.
    func takeTurn() {
        guard isQueued else { return }
        isQueued = false
        guard stage != .closed, stage != .upgraded else { return }
        if stage == .open, exchange == nil, !isBlocked, hasPending {
            startTurn()
            settle()
            endTurn()
        } else {
            // Less than usual: what is read at once cannot be divided.
            receive(atMost: 16_384)
            if !isQueued { updateInterest() }
        }
    }

    /// Answers that there is no memory for the rest of the request.
    func giveUpRequest() {
        refuse(.overloaded)
        settle()
    }

    /// True when something has come that was not read yet, or the client has gone.
    var hasUnreadInput: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) > 0
    }
}
