internal import Glibc
internal import Synchronization

/// Wakes a thread that sleeps in `poll(2)`: a pipe with itself. (`eventfd` is not in Swift's Glibc module.)
final class Waker: Sendable {
    /// Becomes readable when somebody called ``wake()``.
    let descriptor: CInt
    private let writer: CInt

    init() {
        var ends: [CInt] = [-1, -1]
        let result = pipe(&ends)
        precondition(result == 0, "pipe failed with errno \(errno)")
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        descriptor = ends[0]
        writer = ends[1]
    }

    deinit {
        close(descriptor)
        close(writer)
    }

    func wake() {
        // A full pipe is a pipe that wakes already.
        var byte: UInt8 = 1
        _ = write(writer, &byte, 1)
    }

    /// Sleeps for so long or until woken.
    func wait(milliseconds: Int32) {
        var wakeUp = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&wakeUp, 1, milliseconds) > 0 { drain() }
    }

    func drain() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(descriptor, &bytes, bytes.count) == bytes.count {}
    }
}

/// Whether the task that waits for one call has been cancelled; set from any thread, read by the connection's.
final class Interrupt: Sendable {
    private let flag = Atomic(false)
    private let waker: Waker

    init(_ waker: Waker) {
        self.waker = waker
    }

    var isSet: Bool { flag.load(ordering: .acquiring) }

    func set() {
        flag.store(true, ordering: .releasing)
        waker.wake()
    }
}
