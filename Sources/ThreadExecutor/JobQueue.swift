internal import Glibc

/// The jobs that wait for one thread, and the thread's loop.
///
/// Unchecked: `waiting`, `stopped` and `thread` are touched only under `mutex`; a pthread mutex is used because
/// `Synchronization.Mutex` has no condition to sleep on.
final class JobQueue: @unchecked Sendable {
    private struct Entry {
        let job: UnownedJob
        /// Kept until the job has run: the actor, and with it the executor, may be released inside its own last job.
        let executor: ThreadExecutor
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let notEmpty = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var waiting: [Entry] = []
    private var stopped = false
    private var thread: pthread_t?

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(notEmpty, nil)
    }

    deinit {
        pthread_cond_destroy(notEmpty)
        pthread_mutex_destroy(mutex)
        notEmpty.deallocate()
        mutex.deallocate()
    }

    var isCurrentThread: Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard let thread else { return false }
        return pthread_equal(thread, pthread_self()) != 0
    }

    func append(_ job: UnownedJob, of executor: ThreadExecutor) {
        pthread_mutex_lock(mutex)
        waiting.append(Entry(job: job, executor: executor))
        pthread_cond_signal(notEmpty)
        pthread_mutex_unlock(mutex)
    }

    func stop() {
        pthread_mutex_lock(mutex)
        stopped = true
        pthread_cond_signal(notEmpty)
        pthread_mutex_unlock(mutex)
    }

    func runUntilStopped() {
        pthread_mutex_lock(mutex)
        thread = pthread_self()
        pthread_mutex_unlock(mutex)
        while true {
            let batch = nextBatch()
            if batch.isEmpty { return }
            for entry in batch {
                entry.job.runSynchronously(on: entry.executor.asUnownedSerialExecutor())
            }
            // `batch` is released here, outside the lock: it may hold the last reference to the executor, whose
            // deinit takes the lock to stop this very loop.
        }
    }

    /// Sleeps until there is work; empty means stop.
    private func nextBatch() -> [Entry] {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while waiting.isEmpty && !stopped {
            pthread_cond_wait(notEmpty, mutex)
        }
        let batch = waiting
        waiting = []
        return batch
    }
}
