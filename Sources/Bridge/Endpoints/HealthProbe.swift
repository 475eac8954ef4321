internal import EventLoop

/// Asks one part of the process how it is, and takes no answer in time for an answer.
///
/// A part that hangs is asked once, not once for each caller: those who ask meanwhile share the question.
actor HealthProbe {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    nonisolated let part: HealthEndpoint.Part

    private let deadline: Duration
    private var isAsking = false
    private var askedAt = ContinuousClock.now
    private var last: HealthEndpoint.Finding?
    private var waiting: [CheckedContinuation<HealthEndpoint.Finding, Never>] = []
    private var timer: LoopTimer?

    init(_ part: HealthEndpoint.Part, loop: EventLoop, deadline: Duration) {
        self.part = part
        self.loop = loop
        self.deadline = deadline
    }

    /// Asks, unless the last question is still open.
    func start() {
        guard !isAsking else { return }
        isAsking = true
        last = nil
        askedAt = .now
        // A task of its own: what ignores cancellation must not hold the caller.
        loop.spawn(on: self) { $0.hear(await $0.part.check()) }
    }

    /// The answer to the question that was asked, or that there was none within the deadline.
    func finding() async -> HealthEndpoint.Finding {
        if let last { return last }
        let rest = deadline - askedAt.duration(to: .now)
        guard rest > .zero else { return silence }
        if timer == nil {
            timer = LoopTimer(on: loop) { [weak self] in self?.assumeIsolated { $0.answer(with: $0.silence) } }
        }
        if timer?.isScheduled == false { timer?.schedule(after: rest) }
        return await withCheckedContinuation { waiting.append($0) }
    }

    private var silence: HealthEndpoint.Finding {
        HealthEndpoint.Finding(isHealthy: false, detail: "no answer within \(deadline)")
    }

    private func hear(_ finding: HealthEndpoint.Finding) {
        isAsking = false
        last = finding
        timer?.cancel()
        answer(with: finding)
    }

    private func answer(with finding: HealthEndpoint.Finding) {
        let waiting = waiting
        self.waiting = []
        for continuation in waiting { continuation.resume(returning: finding) }
    }
}
