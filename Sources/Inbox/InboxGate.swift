/// Holds callers back while it is closed, and lets them pass in the order of their coming.
///
/// Confined to one actor; a caller that comes while earlier ones are still on their way through waits behind them.
struct InboxGate {
    private(set) var isClosed = false
    private var waiters: [UnsafeContinuation<Void, Never>] = []
    /// Callers that were let go and have not passed yet.
    private var passing = 0

    /// Whether a caller may go on at once.
    var isOpen: Bool { !isClosed && passing == 0 }

    /// Holds back whoever comes from now on.
    mutating func close() { isClosed = true }

    /// Lets them go.
    mutating func open() {
        isClosed = false
        letGo()
    }

    /// Waits; call ``pass()`` when it goes on.
    mutating func wait(_ continuation: UnsafeContinuation<Void, Never>) { waiters.append(continuation) }

    /// One that was let go has come through.
    mutating func pass() {
        passing -= 1
        letGo()
    }

    private mutating func letGo() {
        guard !isClosed, passing == 0, !waiters.isEmpty else { return }
        let next = waiters
        waiters = []
        passing = next.count
        for waiter in next { waiter.resume() }
    }
}
