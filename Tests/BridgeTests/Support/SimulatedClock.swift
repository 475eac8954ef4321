import EventLoop

@testable import Bridge

/// A clock that stands still while anything happens, and then goes on to whatever is due next.
///
/// Belongs to its loop's thread.
final class SimulatedClock: EngineClock, @unchecked Sendable {
    // Unchecked: touched on the loop alone; the cancellation handler only passes the reference on.
    private struct Sleeper {
        var id: Int
        var end: ContinuousClock.Instant
        var continuation: CheckedContinuation<Void, any Error>
    }

    let start = ContinuousClock.now
    private let loop: EventLoop
    private var time: ContinuousClock.Instant
    private var sleepers: [Sleeper] = []
    private var count = 0

    init(_ loop: EventLoop) {
        self.loop = loop
        time = start
    }

    func now() -> ContinuousClock.Instant { time }

    /// True while somebody waits for a later time.
    var isAwaited: Bool { !sleepers.isEmpty }

    func sleep(until end: ContinuousClock.Instant) async throws {
        count += 1
        let id = count
        guard end > time else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                sleepers.append(Sleeper(id: id, end: end, continuation: continuation))
            }
        } onCancel: {
            loop.execute { self.cancel(id) }
        }
    }

    private func cancel(_ id: Int) {
        guard let index = sleepers.firstIndex(where: { $0.id == id }) else { return }
        sleepers.remove(at: index).continuation.resume(throwing: CancellationError())
    }

    /// Lets time pass until all is done.
    ///
    /// - Parameters:
    ///   - isBusy: true while something is under way that takes no time of this clock, as a request does.
    ///   - isDone: nothing is left to wait for.
    func run(whileBusy isBusy: () -> Bool, until isDone: () -> Bool) async throws {
        while !isDone() {
            // What can go on without time goes on first; a task may take some turns from one actor to the next.
            for _ in 0..<12 { await loop.spawn {}.value }
            if isBusy() {
                try await loop.sleep(for: .milliseconds(1))
                continue
            }
            guard let next = sleepers.map(\.end).min() else { continue }
            time = max(time, next)
            let due = sleepers.filter { $0.end <= time }
            sleepers.removeAll { $0.end <= time }
            for sleeper in due { sleeper.continuation.resume() }
        }
    }
}
