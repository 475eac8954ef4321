import EventLoop
import Glibc
import Synchronization
import Testing

/// An actor that lives on a loop, as the product's components do.
private actor Pinned {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private(set) var calls = 0

    init(loop: EventLoop) {
        self.loop = loop
    }

    func call() -> Bool {
        calls += 1
        return loop.isCurrent
    }

    func callOther(_ other: Pinned) async -> Bool {
        let here = loop.isCurrent
        let there = await other.call()
        return here && there && loop.isCurrent
    }
}

/// Says that it leaves its caller's executor; the task's preference for the loop wins.
@concurrent private func concurrentStep() async {}

private func nonisolatedStep(_ loop: EventLoop) async -> Bool { loop.isCurrent }

@Suite struct EventLoopTests {
    @Test func `async code spawned on the loop stays on it across every kind of await`() async throws {
        let loop = try EventLoop()
        let places = try loop.run {
            var places: [String: Bool] = ["start": loop.isCurrent]
            places["nonisolated function"] = await nonisolatedStep(loop)
            places["after it"] = loop.isCurrent
            let first = Pinned(loop: loop)
            let second = Pinned(loop: loop)
            places["actor"] = await first.call()
            places["after the actor"] = loop.isCurrent
            places["actor to actor"] = await first.callOther(second)
            let value: Int = await withCheckedContinuation { continuation in
                Thread.detach { continuation.resume(returning: 7) }
            }
            places["continuation resumed from another thread"] = loop.isCurrent && value == 7
            try? await loop.sleep(for: .milliseconds(1))
            places["timer"] = loop.isCurrent
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<3 { group.addTask { loop.isCurrent } }
                for await isCurrent in group { places["child task"] = isCurrent && places["child task"] != false }
            }
            async let child = nonisolatedStep(loop)
            places["async let"] = await child
            places["end"] = loop.isCurrent
            return places
        }
        for (place, isOnLoop) in places { #expect(isOnLoop, "\(place)") }
        #expect(places.count == 11)
    }

    @Test func `calls between actors of one loop do not give way to other work`() async throws {
        let loop = try EventLoop()
        let order = try loop.run {
            let first = Pinned(loop: loop)
            let second = Pinned(loop: loop)
            let order = Mutex<[String]>([])
            let task = loop.spawn(on: first) { first in
                _ = await first.callOther(second)
                order.withLock { $0.append("actor calls") }
            }
            loop.spawn { order.withLock { $0.append("other task") } }
            await task.value
            return order.withLock { $0 }
        }
        #expect(order == ["actor calls", "other task"])
    }

    @Test func `no await of any kind changes the thread, however often`() throws {
        let loop = try EventLoop()
        let strays = try loop.run {
            let home = pthread_self()
            let straysOfTasks = Atomic<Int>(0)
            let first = Pinned(loop: loop)
            let second = Pinned(loop: loop)
            var strays = 0
            func look() { if pthread_self() != home { strays += 1 } }
            for round in 0..<500 {
                _ = await first.callOther(second)
                look()
                _ = await nonisolatedStep(loop)
                look()
                await concurrentStep()
                look()
                await withCheckedContinuation { continuation in
                    if round % 2 == 0 {
                        Thread.detach { continuation.resume() }
                    } else {
                        loop.execute { continuation.resume() }
                    }
                }
                look()
                try await loop.sleep(for: .zero)
                look()
                await loop.spawn { if pthread_self() != home { straysOfTasks.add(1, ordering: .relaxed) } }.value
                look()
                await Task.yield()
                look()
            }
            return strays + straysOfTasks.load(ordering: .relaxed)
        }
        #expect(strays == 0)
    }

    @Test func `closures from many threads all run, each thread's in its order`() throws {
        let loop = try EventLoop()
        try loop.run {
            let log = Counters()
            for thread in 0..<10 {
                Thread.detach {
                    for number in 0..<10_000 {
                        loop.execute { log.note(thread: thread, number: number, isOnLoop: loop.isCurrent) }
                    }
                }
            }
            #expect(await wait(on: loop) { log.next.allSatisfy { $0 == 10_000 } })
            #expect(log.next == Array(repeating: 10_000, count: 10))
            #expect(log.disorder == 0)
        }
    }

    @Test func `a wake-up is not lost when the loop is about to wait`() throws {
        let loop = try EventLoop()
        try loop.run {
            // Each closure comes from another thread while the loop has nothing else, and is waited for.
            for _ in 0..<2000 {
                await withCheckedContinuation { continuation in
                    Thread.detach { loop.execute { continuation.resume() } }
                }
            }
        }
    }

    @Test func `actions before polling run after the ready work and in their order`() throws {
        let loop = try EventLoop()
        try loop.run {
            let log = Log()
            loop.beforePolling { log.add("first") }
            loop.beforePolling {
                log.add("second")
                // Another round of the same turn.
                loop.execute { log.add("made ready by an action") }
                loop.beforePolling { log.add("action of an action") }
            }
            loop.execute {
                log.add("ready")
                loop.beforePolling { log.add("third") }
            }
            log.add("now")
            #expect(await wait(on: loop) { log.lines.count == 7 })
            #expect(
                log.lines == [
                    "now", "ready", "first", "second", "third", "made ready by an action", "action of an action",
                ])
        }
    }

    @Test func `work that begets work for ever leaves sockets and timers their turn`() throws {
        let loop = try EventLoop()
        try loop.run {
            let spinner = Spinner(loop: loop)
            spinner.spinByJobs()
            try await loop.sleep(for: .milliseconds(10))
            spinner.isStopped = true
            let rounds = spinner.rounds
            #expect(rounds > 100)

            let other = Spinner(loop: loop)
            other.spinByActions()
            try await loop.sleep(for: .milliseconds(10))
            other.isStopped = true
            #expect(other.rounds > 100)
        }
    }

    @Test func `an actor of another loop runs there, and its caller comes back`() throws {
        let here = try EventLoop()
        let there = try EventLoop()
        there.startThread(name: "other loop")
        defer { there.stop() }
        try here.run {
            let other = Pinned(loop: there)
            for _ in 0..<200 {
                #expect(await other.call())
                #expect(here.isCurrent && !there.isCurrent)
            }
            let results = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 { group.addTask { await other.call() && here.isCurrent } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results == Array(repeating: true, count: 50))
            #expect(await other.calls == 250)
        }
    }

    @Test func `a loop stops from any thread and runs again`() throws {
        let loop = try EventLoop()
        for round in 0..<3 {
            let value = try loop.run { round }
            #expect(value == round)
        }
        #expect(throws: EventLoopError.self) {
            try loop.run {
                Thread.detach { loop.stop() }
                try await loop.sleep(for: .seconds(3600))
            }
        }
        #expect(!loop.isCurrent)
        let after = try loop.run { loop.isCurrent }
        #expect(after)
    }

    @Test func `run hands on what its body throws`() throws {
        struct Broken: Error {}
        let loop = try EventLoop()
        #expect(throws: Broken.self) { try loop.run { throw Broken() } }
    }

    @Test func `isolation can be assumed inside callbacks of the loop`() throws {
        let loop = try EventLoop()
        try loop.run {
            let pinned = Pinned(loop: loop)
            let timer = LoopTimer(on: loop) { _ = pinned.assumeIsolated { $0.call() } }
            timer.schedule(after: .zero)
            try await loop.sleep(for: .milliseconds(5))
            #expect(await pinned.calls == 1)
            withExtendedLifetime(timer) {}
        }
    }
}

/// How many closures of each thread came, and how many out of order; belongs to the loop.
private final class Counters: @unchecked Sendable {
    // Unchecked: of the loop alone.
    private(set) var next = Array(repeating: 0, count: 10)
    private(set) var disorder = 0

    func note(thread: Int, number: Int, isOnLoop: Bool) {
        if next[thread] != number || !isOnLoop { disorder += 1 }
        next[thread] += 1
    }
}

/// Work that makes itself ready again; belongs to the loop.
private final class Spinner: @unchecked Sendable {
    // Unchecked: of the loop alone.
    private let loop: EventLoop
    private(set) var rounds = 0
    var isStopped = false

    init(loop: EventLoop) {
        self.loop = loop
    }

    func spinByJobs() {
        rounds += 1
        if !isStopped { loop.execute { self.spinByJobs() } }
    }

    func spinByActions() {
        rounds += 1
        if !isStopped { loop.beforePolling { self.spinByActions() } }
    }
}

enum Thread {
    static func detach(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void; init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { raw in
                Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Box(body)).toOpaque())
        pthread_detach(thread)
    }
}
