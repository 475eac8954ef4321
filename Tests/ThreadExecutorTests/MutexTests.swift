import Glibc
import Synchronization
import TestSupport
import Testing

/// What guards all state that threads share, seen by the thread sanitizer too (Tests/CThreadSanitizer).
@Suite struct MutexTests {
    private final class Counter: Sendable {
        // More than a word, so that it is memory that the lock alone guards.
        let counts = Mutex([Int](repeating: 0, count: 4))
    }

    @Test func `threads that meet on a lock wait for each other`() throws {
        let (counter, rounds) = (Counter(), 2000)
        let threads = try (0..<4).map { number in
            try PlainThread {
                for _ in 0..<rounds {
                    counter.counts.withLock { counts in
                        counts[number] += 1
                        // Gives the lock to nobody: the others come to wait for it.
                        sched_yield()
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(counter.counts.withLock { $0 } == [Int](repeating: rounds, count: 4))
    }

    /// A thread of the system's own, which is waited for.
    private struct PlainThread {
        private final class Work: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        private let handle: pthread_t

        init(_ body: @escaping @Sendable () -> Void) throws {
            var handle = pthread_t()
            let work = Unmanaged.passRetained(Work(body)).toOpaque()
            let code = pthread_create(
                &handle, nil,
                { work in
                    Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()
                    return nil
                }, work)
            try #require(code == 0)
            self.handle = handle
        }

        func join() { pthread_join(handle, nil) }
    }
}
