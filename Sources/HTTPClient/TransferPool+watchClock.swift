internal import EventLoop

extension TransferPool {
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
}
