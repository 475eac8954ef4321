import EventLoop
import Glibc

/// Waits for SIGTERM or SIGINT; a second one ends the process at once.
actor StopSignals {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var watchers: [SignalWatcher] = []
    private var isStopping = false
    private var waiting: CheckedContinuation<Void, Never>?

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Takes the signals from now on: whatever the process is doing, it ends in order.
    func listen() {
        // A client that goes away while we write is an error of that write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // A file that reaches its limit (`ulimit -f`) is a disk that is full, not the end of the process either.
        signal(SIGXFSZ, SIG_IGN)
        watchers = [SIGTERM, SIGINT].map { number in
            SignalWatcher(number, on: loop) { [weak self] in self?.assumeIsolated { $0.take(number) } }
        }
    }

    /// Returns when the process is asked to stop, or was since ``listen()``.
    func wait() async {
        if watchers.isEmpty { listen() }
        guard !isStopping else { return }
        await withCheckedContinuation { waiting = $0 }
    }

    private func take(_ number: Int32) {
        // 128 plus the signal's number is what a shell reports for a process that a signal ended.
        if isStopping { exit(128 + number) }
        isStopping = true
        waiting?.resume()
        waiting = nil
    }
}
