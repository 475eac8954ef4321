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
}

private enum Thread {
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
