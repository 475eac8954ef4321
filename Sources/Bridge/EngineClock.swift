internal import EventLoop

/// The time by which answers are paced; tests put a simulated one in its place.
protocol EngineClock: Sendable {
    /// What time it is.
    func now() -> ContinuousClock.Instant

    /// Waits, on the loop.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    func sleep(until end: ContinuousClock.Instant) async throws
}

/// The time of the machine, waited for on a loop.
struct LoopClock: EngineClock {
    let loop: EventLoop

    func now() -> ContinuousClock.Instant { .now }

    func sleep(until end: ContinuousClock.Instant) async throws {
        // Looked at again, since the loop's clock ticks in milliseconds and a platform's patience is exact.
        while case let rest = ContinuousClock.now.duration(to: end), rest > .zero {
            try await loop.sleep(for: rest)
        }
    }
}
