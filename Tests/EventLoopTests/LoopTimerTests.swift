import EventLoop
import Glibc
import Testing

/// What happened on a loop, in order; belongs to the loop's thread.
final class Log: @unchecked Sendable {
    // Unchecked: written by the loop alone, read after it has ended or on it.
    private(set) var lines: [String] = []
    func add(_ line: String) { lines.append(line) }
}

/// Waits on the loop until a condition holds; false after twenty seconds.
func wait(on loop: EventLoop, until isTrue: () -> Bool) async -> Bool {
    for _ in 0..<10_000 {
        if isTrue() { return true }
        try? await loop.sleep(for: .milliseconds(2))
    }
    return isTrue()
}

@Suite struct LoopTimerTests {
    @Test func `timers run in the order of their times, never early, on the loop`() throws {
        let loop = try EventLoop()
        let lines = try loop.run {
            let log = Log()
            let start = ContinuousClock.now
            let timers = [30, 10, 20, 0].map { delay in
                let timer = LoopTimer(on: loop) {
                    let isEarly = ContinuousClock.now - start < .milliseconds(delay)
                    log.add("\(delay)\(isEarly ? " early" : "")\(loop.isCurrent ? "" : " elsewhere")")
                }
                timer.schedule(after: .milliseconds(delay))
                return timer
            }
            #expect(await wait(on: loop) { log.lines.count == 4 })
            #expect(!timers.contains { $0.isScheduled })
            return log.lines
        }
        #expect(lines == ["0", "10", "20", "30"])
    }

    @Test func `a later schedule replaces an earlier one`() throws {
        let loop = try EventLoop()
        try loop.run {
            let log = Log()
            let timer = LoopTimer(on: loop) { log.add("fired") }
            timer.schedule(after: .milliseconds(1))
            timer.schedule(after: .seconds(3600))
            let other = LoopTimer(on: loop) { log.add("other") }
            other.schedule(after: .milliseconds(20))
            #expect(await wait(on: loop) { !log.lines.isEmpty })
            #expect(log.lines == ["other"])
            #expect(timer.isScheduled)
            timer.schedule(after: .milliseconds(1))
            #expect(await wait(on: loop) { log.lines.count == 2 })
            #expect(log.lines == ["other", "fired"])
        }
    }

    @Test(arguments: ["cancelled", "released"])
    func `a timer that is given up does not run`(how: String) throws {
        let loop = try EventLoop()
        try loop.run {
            let log = Log()
            var timer: LoopTimer? = LoopTimer(on: loop) { log.add("fired") }
            timer?.schedule(after: .milliseconds(5))
            #expect(timer?.isScheduled == true)
            if how == "cancelled" {
                timer?.cancel()
                #expect(timer?.isScheduled == false)
            } else {
                timer = nil
            }
            let later = LoopTimer(on: loop) { log.add("later") }
            later.schedule(after: .milliseconds(30))
            #expect(await wait(on: loop) { !log.lines.isEmpty })
            #expect(log.lines == ["later"])
            withExtendedLifetime((timer, later)) {}
        }
    }

    @Test func `an action may schedule its own timer again, and may release it`() throws {
        final class Owner: @unchecked Sendable {
            // Unchecked: of the loop alone.
            var timer: LoopTimer?
            var count = 0
        }
        let loop = try EventLoop()
        let count = try loop.run {
            let owner = Owner()
            owner.timer = LoopTimer(on: loop) {
                owner.count += 1
                if owner.count < 5 { owner.timer?.schedule(after: .zero) } else { owner.timer = nil }
                // Still whole after the release.
                owner.count += 0
            }
            owner.timer?.schedule(after: .zero)
            #expect(await wait(on: loop) { owner.timer == nil })
            return owner.count
        }
        #expect(count == 5)
    }

    @Test(arguments: [Duration.seconds(-5), .nanoseconds(1), .seconds(Int64.max / 2)])
    func `any duration can be scheduled`(delay: Duration) throws {
        let loop = try EventLoop()
        try loop.run {
            let log = Log()
            let timer = LoopTimer(on: loop) { log.add("fired") }
            timer.schedule(after: delay)
            if delay < .seconds(1) {
                #expect(await wait(on: loop) { log.lines == ["fired"] })
            } else {
                try await loop.sleep(for: .milliseconds(10))
                #expect(log.lines.isEmpty && timer.isScheduled)
            }
        }
    }

    @Test func `a sleep ends at its time, or at once when its task is cancelled`() throws {
        let loop = try EventLoop()
        try loop.run {
            let log = Log()
            let clock = ContinuousClock()
            let start = clock.now
            try await loop.sleep(for: .milliseconds(20))
            #expect(clock.now - start >= .milliseconds(20))

            let sleeping = loop.spawn {
                do {
                    try await loop.sleep(for: .seconds(3600))
                    log.add("slept")
                } catch {
                    log.add(error is CancellationError ? "cancelled" : "\(error)")
                }
                log.add(loop.isCurrent ? "on the loop" : "elsewhere")
            }
            try await loop.sleep(for: .milliseconds(5))
            sleeping.cancel()
            await sleeping.value
            #expect(log.lines == ["cancelled", "on the loop"])

            let early = loop.spawn {
                // Cancelled before it sleeps.
                do { try await loop.sleep(for: .seconds(3600)) } catch { log.add("early") }
            }
            early.cancel()
            await early.value
            #expect(log.lines.last == "early")

            // From another thread, again and again, around the moment when it begins.
            for _ in 0..<200 {
                let task = loop.spawn { try? await loop.sleep(for: .seconds(3600)) }
                Thread.detach { task.cancel() }
                await task.value
            }
        }
    }
}
