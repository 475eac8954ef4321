internal import CEvent
internal import Glibc
internal import Synchronization

/// One thread, one libevent base, one Swift executor: sockets, timers and async code take turns on it.
///
/// The loop is a `SerialExecutor`, so an actor can be pinned to it, and a `TaskExecutor`, so a task spawned by
/// ``spawn(on:_:)`` stays on it with all its children. Actors pinned to the same loop call each other without a hop.
///
/// A turn is: the events that are due, then the jobs that they made ready, then the actions registered by
/// ``beforePolling(_:)``, then the wait for more. Work that arrives from other threads wakes the loop by an `eventfd`.
///
/// Values made by the loop (timers, watchers) belong to it: use and release them only where ``isCurrent`` is true.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    // Unchecked: `ready`, `endOfTurn`, `base` and `isStopping` are touched on the loop's thread alone (each entrance
    // checks `isCurrent`); what other threads may touch is atomic or under the mutex.

    /// Rounds of ready jobs in one turn before sockets get their turn again.
    private static let roundsPerTurn = 16

    let base: OpaquePointer
    private var ready: [Work] = []
    private var running: [Work] = []
    private var endOfTurn: [() -> Void] = []
    private var isStopping = false
    private let foreign = Mutex<[Work]>([])
    private let wakePending = Atomic<Bool>(false)
    private let owner = Atomic<UInt>(0)
    private let wakeDescriptor: Int32
    private var wakeEvent: OpaquePointer?

    private enum Work {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    /// Makes a loop that does not run yet; see ``run(_:)`` and ``startThread(name:)``.
    ///
    /// - Throws: ``EventLoopError`` when no epoll instance or `eventfd` can be had (usually: too many open files).
    public init() throws(EventLoopError) {
        guard let configuration = event_config_new() else {
            throw EventLoopError(operation: "create an event loop", errorNumber: ENOMEM)
        }
        defer { event_config_free(configuration) }
        // Interest in a descriptor changes several times a turn; the change list tells epoll of the last one only. It is
        // unsafe for descriptors that were dup()ed, which the loop's users never are.
        event_config_set_flag(configuration, Int32(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST.rawValue))
        event_config_set_flag(configuration, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
        guard let base = event_base_new_with_config(configuration) else {
            throw EventLoopError(operation: "create an event loop", errorNumber: errno)
        }
        let descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else {
            let number = errno
            event_base_free(base)
            throw EventLoopError(operation: "create the loop's wake-up descriptor", errorNumber: number)
        }
        self.base = base
        wakeDescriptor = descriptor
        installWakeEvent()
    }

    deinit {
        if let wakeEvent { event_free(wakeEvent) }
        event_base_free(base)
        close(wakeDescriptor)
    }

    /// True on the loop's own thread while it runs.
    public var isCurrent: Bool {
        owner.load(ordering: .relaxed) == UInt(pthread_self())
    }

    /// Stops the program when called off the loop: for entrances of code that belongs to it.
    public func preconditionCurrent() {
        precondition(isCurrent, "this belongs to the event loop and was called from another thread")
    }

    // MARK: Running

    /// Runs the loop on the calling thread until `body`, which runs on the loop, has ended.
    ///
    /// - Returns: what `body` returned.
    /// - Throws: what `body` threw.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let outcome = Outcome<Value>()
        spawn {
            do {
                let value = try await body()
                outcome.result.withLock { $0 = .success(value) }
            } catch {
                outcome.result.withLock { $0 = .failure(error) }
            }
            self.stop()
        }
        runUntilStopped()
        guard let result = outcome.result.withLock({ $0 }) else {
            throw EventLoopError(operation: "run to the end: the loop was stopped", errorNumber: 0)
        }
        return try result.get()
    }

    /// Where `run` finds what its body came to; a class, since the body outlives no stack frame that it could write to.
    private final class Outcome<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, any Error>?>(nil)
    }

    /// Starts a thread of its own that runs the loop until ``stop()``.
    ///
    /// - Parameter name: shown by `top -H` and debuggers; the kernel keeps 15 bytes of it.
    public func startThread(name: String) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(ThreadStart(loop: self, name: name))
        let code = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                let start = Unmanaged<ThreadStart>.fromOpaque(raw).takeRetainedValue()
                pthread_setname_np(pthread_self(), String(start.name.prefix(15)))
                start.loop.runUntilStopped()
                return nil
            }, context.toOpaque())
        precondition(code == 0, "the system has no thread left for an event loop")
        pthread_detach(thread)
    }

    private final class ThreadStart {
        let loop: EventLoop
        let name: String
        init(loop: EventLoop, name: String) {
            self.loop = loop
            self.name = name
        }
    }

    /// Ends the loop after the present turn.
    ///
    /// May be called from any thread; work that is still queued is dropped.
    public func stop() {
        execute { self.isStopping = true }
    }

    private func runUntilStopped() {
        owner.store(UInt(pthread_self()), ordering: .relaxed)
        defer { owner.store(0, ordering: .relaxed) }
        isStopping = false
        while true {
            takeForeignWork()
            var rounds = 0
            while !ready.isEmpty || !endOfTurn.isEmpty, rounds < EventLoop.roundsPerTurn {
                // First all that is ready and what it makes ready, so that the actions gather as much as they can.
                if ready.isEmpty { runEndOfTurn() } else { runReadyWork() }
                rounds += 1
            }
            // Those left by a turn that was cut short: what was gathered must not wait behind work without end.
            runEndOfTurn()
            if isStopping { break }
            let flags = ready.isEmpty && endOfTurn.isEmpty ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK
            event_base_loop(base, flags)
        }
    }

    private func runReadyWork() {
        swap(&ready, &running)
        for work in running {
            switch work {
            case .job(let job):
                job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            case .closure(let closure):
                closure()
            }
        }
        running.removeAll(keepingCapacity: true)
    }

    private func runEndOfTurn() {
        guard !endOfTurn.isEmpty else { return }
        let actions = endOfTurn
        endOfTurn.removeAll(keepingCapacity: true)
        for action in actions { action() }
    }

    // MARK: Giving it work

    /// Takes a job of the Swift runtime; from the loop itself without a lock, from elsewhere with a wake-up.
    public func enqueue(_ job: consuming ExecutorJob) {
        add(.job(UnownedJob(job)))
    }

    /// Runs a closure on the loop in its next turn.
    ///
    /// May be called from any thread.
    public func execute(_ closure: @escaping @Sendable () -> Void) {
        add(.closure(closure))
    }

    /// Runs an action once, after the work that is ready now and before the loop waits for events again: the place to send in
    /// one piece what a turn has gathered.
    public func beforePolling(_ action: @escaping () -> Void) {
        preconditionCurrent()
        endOfTurn.append(action)
    }

    /// Starts a task that runs on the loop, with all its child tasks.
    @discardableResult
    public func spawn(_ operation: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        Task(executorPreference: self) { await operation() }
    }

    /// Starts a task isolated to an actor that is pinned to this loop.
    @discardableResult
    public func spawn<Isolation: Actor>(
        on actor: Isolation, _ operation: @escaping @Sendable (isolated Isolation) async -> Void
    ) -> Task<Void, Never> {
        Task(executorPreference: self) { await operation(actor) }
    }

    /// Runs async code on this loop, from a task of another, and waits for it; cancelled with the task that calls.
    ///
    /// An actor of this loop can be called from there too, but what it awaits (``sleep(for:)`` for one) may come back on the
    /// caller's loop: a task has one preference.
    public func perform<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
        let task = Task(executorPreference: self) { await body() }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// The same with code that may fail.
    public func perform<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task(executorPreference: self) { try await body() }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private func add(_ work: Work) {
        if isCurrent {
            ready.append(work)
            return
        }
        foreign.withLock { $0.append(work) }
        // One wake-up serves all that is queued before the loop reads the list.
        if wakePending.exchange(true, ordering: .acquiringAndReleasing) == false {
            eventfd_write(wakeDescriptor, 1)
        }
    }

    private func takeForeignWork() {
        // Cleared before the list is taken: work added from now on wakes the loop again.
        guard wakePending.exchange(false, ordering: .acquiringAndReleasing) else { return }
        foreign.withLock { list in
            ready.append(contentsOf: list)
            list.removeAll(keepingCapacity: true)
        }
    }

    private func installWakeEvent() {
        wakeEvent = event_new(
            base, wakeDescriptor, Int16(EV_READ | EV_PERSIST),
            { descriptor, _, _ in
                var count: eventfd_t = 0
                eventfd_read(descriptor, &count)
            }, nil)
        event_add(wakeEvent, nil)
    }

    // MARK: Isolation

    /// Called by the runtime when it cannot tell by itself whether code runs isolated to this executor.
    public func checkIsolated() {
        preconditionCurrent()
    }

    /// Called by the runtime to learn the same without stopping the program.
    public func isIsolatingCurrentContext() -> Bool? {
        isCurrent
    }
}
