internal import CEvent
internal import Glibc

/// Watches one descriptor on a loop and says when it is ready (level-triggered).
///
/// The descriptor stays its owner's: cancel or release the watcher before closing it. Belongs to the loop's thread.
public final class SocketWatcher {
    /// What a descriptor can be ready for.
    public struct Readiness: OptionSet, Sendable {
        /// The bits, in libevent's numbering.
        public let rawValue: Int16

        /// Readiness of these bits.
        public init(rawValue: Int16) {
            self.rawValue = rawValue
        }

        /// There is something to read, or the end of the stream.
        public static let read = Readiness(rawValue: Int16(EV_READ))
        /// There is room to write, or a connect has ended.
        public static let write = Readiness(rawValue: Int16(EV_WRITE))
        /// The peer has closed its side (EPOLLRDHUP), seen without reading what came before.
        public static let closed = Readiness(rawValue: Int16(EV_CLOSED))
    }

    private let loop: EventLoop
    private let descriptor: Int32
    private let onReady: (Readiness) -> Void
    private var event: OpaquePointer?

    /// What is being watched for.
    public private(set) var interest: Readiness = []

    /// A watcher of `descriptor` that watches for nothing yet; see ``watch(_:)``.
    public init(_ descriptor: Int32, on loop: EventLoop, onReady: @escaping (Readiness) -> Void) {
        loop.preconditionCurrent()
        self.loop = loop
        self.descriptor = descriptor
        self.onReady = onReady
    }

    deinit {
        if let event { event_free(event) }
    }

    /// Watches for these from now on and for nothing else; an empty set pauses the watcher.
    ///
    /// The kernel hears of it before the loop waits next; a descriptor that it does not take then (closed, or a regular file)
    /// is never ready, and libevent says so on the standard error stream.
    ///
    /// - Throws: ``EventLoopError`` when there is no memory for it.
    public func watch(_ interest: Readiness) throws(EventLoopError) {
        guard interest != self.interest else { return }
        if let event { event_del(event) }
        self.interest = interest
        guard !interest.isEmpty else { return }
        let flags = interest.rawValue | Int16(EV_PERSIST)
        let callback: event_callback_fn = { _, what, context in
            guard let context else { return }
            // Held through the call: the owner may release the watcher in it.
            let watcher = Unmanaged<SocketWatcher>.fromOpaque(context).takeUnretainedValue()
            withExtendedLifetime(watcher) { watcher.onReady(Readiness(rawValue: what)) }
        }
        let context = Unmanaged.passUnretained(self).toOpaque()
        if let event {
            event_assign(event, loop.base, descriptor, flags, callback, context)
        } else {
            event = event_new(loop.base, descriptor, flags, callback, context)
        }
        guard let event, event_add(event, nil) == 0 else {
            self.interest = []
            throw EventLoopError(operation: "watch a descriptor", errorNumber: errno)
        }
    }

    /// Watches for nothing any more.
    public func cancel() {
        if let event { event_del(event) }
        interest = []
    }
}
