internal import CEvent

/// Runs an action on the loop each time the process gets a signal; the signal's default effect is off meanwhile.
///
/// One loop of a process may watch signals (libevent's rule). Belongs to the loop's thread; releasing it ends the watch.
public final class SignalWatcher {
    private let action: () -> Void
    private var event: OpaquePointer?

    /// Watches for the signal of this number from now on.
    public init(_ signal: Int32, on loop: EventLoop, action: @escaping () -> Void) {
        loop.preconditionCurrent()
        self.action = action
        event = event_new(
            loop.base, signal, Int16(EV_SIGNAL | EV_PERSIST),
            { _, _, context in
                guard let context else { return }
                Unmanaged<SignalWatcher>.fromOpaque(context).takeUnretainedValue().action()
            }, Unmanaged.passUnretained(self).toOpaque())
        precondition(event != nil, "out of memory")
        event_add(event, nil)
    }

    deinit {
        event_free(event)
    }
}
