import Glibc

/// The files and sockets that this process may have open at a time (`ulimit -n`).
enum DescriptorLimit {
    /// Takes as many as the system lets us have: the usual soft limit of 1,024 is meant for programs that use `select`.
    static func raise() {
        var limit = read()
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// What the system lets us have.
    static var highest: Int { Int(clamping: read().rlim_max) }

    /// The cap on inbound connections within a limit: each message in flight has up to two sockets of its own, to agent and
    /// platform, and these come first.
    static func connections(atMost wish: Int) -> Int {
        max(16, min(wish, highest - highest / 4 - 64))
    }

    private static func read() -> rlimit {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return limit
    }
}
