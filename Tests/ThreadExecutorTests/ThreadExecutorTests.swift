import Glibc
import Synchronization
import Testing

@testable import ThreadExecutor

/// Two flags between a blocked thread and the test.
private final class Gate: Sendable {
    let reached = Atomic(false)
    let open = Atomic(false)
}

private actor Worker {
    private let executor: ThreadExecutor
    private var order: [Int] = []

    init(name: String) {
        executor = ThreadExecutor(name: name)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func threadName() -> String { firstLine(of: "/proc/thread-self/comm") ?? "" }
    func threadID() -> UInt { UInt(pthread_self()) }
    /// Blocks the thread until the gate opens; false when it does not within a minute.
    func block(at gate: Gate) -> Bool {
        gate.reached.store(true, ordering: .releasing)
        for _ in 0..<60_000 {
            if gate.open.load(ordering: .acquiring) { return true }
            usleep(1000)
        }
        return false
    }
    func append(_ value: Int) -> [Int] {
        order.append(value)
        return order
    }

    func blocksSignals() -> Bool {
        var current = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &current)
        return sigismember(&current, SIGTERM) == 1
    }

    nonisolated func assumed() -> Bool { assumeIsolated { _ in true } }
    func assumedInside() -> Bool { assumed() }
}

private func firstLine(of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 64)
    guard fgets(&line, 64, file) != nil else { return nil }
    return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func threadCount(named name: String) -> Int {
    guard let directory = opendir("/proc/self/task") else { return -1 }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
        let id = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if firstLine(of: "/proc/self/task/\(id)/comm") == name { count += 1 }
    }
    return count
}

@Suite struct ThreadExecutorTests {
    @Test func `an actor's jobs all run on its one named thread`() async {
        let worker = Worker(name: "te-own-thread")
        let first = await worker.threadID()
        var others: Set<UInt> = []
        await withTaskGroup(of: UInt.self) { group in
            for _ in 0..<50 { group.addTask { await worker.threadID() } }
            for await id in group { others.insert(id) }
        }
        #expect(others == [first])
        #expect(await worker.threadName() == "te-own-thread")
        #expect(await worker.blocksSignals())
    }

    @Test func `a blocked actor does not block another`() async {
        let slow = Worker(name: "te-slow")
        let quick = Worker(name: "te-quick")
        let gate = Gate()
        async let opened = slow.block(at: gate)
        while !gate.reached.load(ordering: .acquiring) { await Task.yield() }
        // Only after the other actor's answer does the gate open: were it blocked too, it never would.
        _ = await quick.append(1)
        gate.open.store(true, ordering: .releasing)
        #expect(await opened)
    }

    @Test func `jobs of one task run in order`() async {
        let worker = Worker(name: "te-order")
        var last: [Int] = []
        for value in 0..<200 { last = await worker.append(value) }
        #expect(last == Array(0..<200))
    }

    @Test func `the thread ends when its actor is released`() async {
        let name = "te-released"
        do {
            let worker = Worker(name: name)
            _ = await worker.threadID()
            #expect(threadCount(named: name) == 1)
        }
        let clock = ContinuousClock()
        let limit = clock.now.advanced(by: .seconds(10))
        while threadCount(named: name) != 0 && clock.now < limit { await Task.yield() }
        #expect(threadCount(named: name) == 0)
    }

    @Test func `isolation is known inside and denied outside`() async {
        let worker = Worker(name: "te-isolated")
        #expect(await worker.assumedInside())
        let executor = ThreadExecutor(name: "te-outside")
        #expect(executor.isIsolatingCurrentContext() == false)
    }
}
