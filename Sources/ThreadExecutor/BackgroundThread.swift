internal import Glibc

/// Starts detached threads for blocking work that has no place on an event loop or the cooperative pool.
public enum BackgroundThread {
    /// Runs a closure on a new thread, which ends when the closure returns.
    ///
    /// All signals are blocked on the thread. A machine that cannot start one more thread cannot run this program: that
    /// is a trap, not an error.
    ///
    /// - Parameters:
    ///   - name: Linux keeps the first 15 bytes (`comm` in `proc(5)`).
    ///   - body: Runs once, on the new thread.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let context = Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let result = pthread_create(&thread, &attributes, runThread, context.toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(result == 0, "pthread_create failed with error \(result)")
    }
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func runThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue()
    var every = sigset_t()
    sigfillset(&every)
    pthread_sigmask(SIG_BLOCK, &every, nil)
    nameCurrentThread(start.name)
    start.body()
    return nil
}

/// By way of `proc(5)`: glibc hides `pthread_setname_np` from Swift behind `_GNU_SOURCE`.
///
/// Only a label, so a system without `/proc` goes without.
private func nameCurrentThread(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    let bytes = Array(name.utf8.prefix(15))
    _ = write(file, bytes, bytes.count)
    close(file)
}
