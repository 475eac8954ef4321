internal import HTTPCore

extension HTTPConnection {
    /// Sets the deadline, and its place among those that may have to give way, to what is awaited now.
    func updateDeadline() {
        let awaited: Patience
        if stage == .lingering {
            awaited = .lingering
        } else if isBlocked {
            awaited = .writing
        } else if exchange != nil || stage == .upgrading {
            awaited = .none
        } else {
            switch parser.phase {
            case .idle: awaited = exchangeCount == 0 ? .firstByte : .idle
            case .head: awaited = .head
            case .body: awaited = .body
            }
        }
        guard awaited != patience else { return }
        let isSameSpan = patience == .firstByte && awaited == .head
        patience = awaited
        let waiting: Waiting?
        switch awaited {
        case .firstByte, .idle: waiting = .request
        case .head, .body: waiting = .content
        case .writing, .lingering: waiting = .reader
        case .none: waiting = nil
        }
        // A request keeps its place from its first byte on.
        if waiting != .content || listed != .content { core.list(self, as: waiting) }
        if !isSameSpan { renewDeadline() }
    }

    /// Starts the present deadline anew: after progress, or for another wait.
    func renewDeadline() {
        let span: Duration
        switch patience {
        case .none:
            deadline = .max
            return
        case .firstByte, .head: span = core.configuration.headDeadline
        case .body: span = core.configuration.bodyDeadline
        case .idle: span = core.configuration.keepAliveIdle
        case .writing: span = core.configuration.writeStall
        case .lingering: span = core.configuration.lingerDeadline
        }
        let now = core.now
        let parts = span.components
        let (seconds, isForEver) = UInt64(clamping: parts.seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (time, isBeyond) = (now + UInt64(clamping: parts.attoseconds / 1_000_000_000)).addingReportingOverflow(
            seconds)
        deadline = isForEver || isBeyond ? .max : time
        core.noteDeadline(deadline, now: now)
    }

    /// Leaves patience to whoever has the socket now.
    func forgetDeadline() {
        patience = .none
        core.list(self, as: nil)
        deadline = .max
    }

    /// Called by the core's sweep.
    func deadlineHasPassed() {
        deadline = .max
        switch patience {
        case .head:
            refuse(.headTimeout)
            settle()
        case .body:
            refuse(.bodyTimeout)
            settle()
        case .none, .firstByte, .idle, .writing, .lingering:
            close()
        }
    }
}
