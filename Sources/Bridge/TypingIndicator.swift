internal import BridgeCore
internal import EventLoop

/// Shows that an answer is being made, once the agent has been silent for a while, and again before it fades.
///
/// Ends with ``cancel()`` or with the value. Belongs to the loop's thread.
final class TypingIndicator {
    private let outbox: Outbox
    private let address: ReplyAddress
    private let interval: Duration
    private var wait: DelayLine.Entry?
    private var timer: LoopTimer?

    /// - Parameters:
    ///   - line: the silence that comes before it.
    ///   - interval: after this time it is shown again.
    init(after line: DelayLine, outbox: Outbox, address: ReplyAddress, interval: Duration) {
        self.outbox = outbox
        self.address = address
        self.interval = interval
        wait = line.add(on: outbox.loop) { [unowned self] in show() }
    }

    deinit {
        wait?.cancel()
    }

    /// Shows it no more.
    func cancel() {
        wait?.cancel()
        wait = nil
        timer = nil
    }

    private func show() {
        let address = address
        outbox.loop.spawn(on: outbox) { await $0.showTyping(to: address) }
        let timer = timer ?? LoopTimer(on: outbox.loop) { [unowned self] in show() }
        timer.schedule(after: interval)
        self.timer = timer
    }
}
