import EventLoop
import Glibc
import Testing

/// Two connected descriptors, closed with the value.
private final class Pair: @unchecked Sendable {
    // Unchecked: numbers that do not change.
    let near: Int32
    let far: Int32
    private var isFarOpen = true

    init() {
        var ends: [Int32] = [0, 0]
        precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
        near = ends[0]
        far = ends[1]
    }

    deinit {
        close(near)
        closeFar()
    }

    func closeFar() {
        if isFarOpen { close(far) }
        isFarOpen = false
    }

    func put(_ text: String) { _ = write(far, text, text.utf8.count) }

    func take(_ count: Int) -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        let taken = read(near, &bytes, count)
        return String(decoding: bytes.prefix(max(taken, 0)), as: UTF8.self)
    }
}

@Suite struct SocketWatcherTests {
    @Test func `readiness is told again until it is used up`() throws {
        let loop = try EventLoop()
        let lines = try loop.run {
            let pair = Pair()
            let log = Log()
            let watcher = SocketWatcher(pair.near, on: loop) { ready in
                log.add(ready.contains(.read) ? pair.take(1) : "?")
            }
            try watcher.watch(.read)
            pair.put("abc")
            #expect(await wait(on: loop) { log.lines.count == 3 })
            try await loop.sleep(for: .milliseconds(10))
            withExtendedLifetime(watcher) {}
            return log.lines
        }
        #expect(lines == ["a", "b", "c"])
    }

    @Test func `the peer's close is seen without reading what came before it`() throws {
        let loop = try EventLoop()
        try loop.run {
            let pair = Pair()
            let log = Log()
            let watcher = SocketWatcher(pair.near, on: loop) { ready in
                if ready.contains(.closed) { log.add("closed") }
            }
            try watcher.watch(.closed)
            pair.put("unread")
            try await loop.sleep(for: .milliseconds(10))
            #expect(log.lines.isEmpty)
            pair.closeFar()
            #expect(await wait(on: loop) { log.lines.first == "closed" })
            watcher.cancel()
            #expect(pair.take(6) == "unread")
        }
    }

    @Test func `interest can change inside the callback`() throws {
        final class Holder: @unchecked Sendable {
            // Unchecked: of the loop alone.
            var watcher: SocketWatcher?
        }
        let loop = try EventLoop()
        let lines = try loop.run {
            let pair = Pair()
            let log = Log()
            let holder = Holder()
            let watcher = SocketWatcher(pair.near, on: loop) { ready in
                if ready.contains(.write) {
                    log.add("write")
                    try? holder.watcher?.watch(.read)
                } else if ready.contains(.read) {
                    log.add(pair.take(10))
                    try? holder.watcher?.watch(log.lines.count < 4 ? [.read, .write] : [])
                }
            }
            holder.watcher = watcher
            try watcher.watch(.write)
            #expect(await wait(on: loop) { log.lines == ["write"] })
            pair.put("one")
            #expect(await wait(on: loop) { log.lines.count == 3 })
            pair.put("two")
            #expect(await wait(on: loop) { log.lines.count == 4 })
            #expect(watcher.interest.isEmpty)
            pair.put("three")
            try await loop.sleep(for: .milliseconds(10))
            holder.watcher = nil
            return log.lines
        }
        #expect(lines == ["write", "one", "write", "two"])
    }

    @Test func `a watcher may be released and its descriptor closed inside the callback`() throws {
        final class Holder: @unchecked Sendable {
            // Unchecked: of the loop alone.
            var watchers: [SocketWatcher] = []
        }
        let loop = try EventLoop()
        try loop.run {
            let log = Log()
            for round in 0..<50 {
                let pair = Pair()
                let holder = Holder()
                let first = dup(pair.near)
                close(first)
                holder.watchers.append(
                    SocketWatcher(pair.near, on: loop) { _ in
                        holder.watchers = []
                        log.add("\(round)")
                    })
                try holder.watchers[0].watch([.read, .write])
                pair.put("x")
                #expect(await wait(on: loop) { log.lines.count == round + 1 })
                #expect(holder.watchers.isEmpty)
            }
            try await loop.sleep(for: .milliseconds(5))
            #expect(log.lines.count == 50)
        }
    }

    @Test func `a descriptor number that comes back is watched anew`() throws {
        let loop = try EventLoop()
        try loop.run {
            let log = Log()
            for round in 0..<100 {
                let pair = Pair()
                let watcher = SocketWatcher(pair.near, on: loop) { ready in
                    if ready.contains(.read) { log.add(pair.take(10)) }
                }
                // Ended without a turn of the loop in between, so that the number is used again within one turn.
                try watcher.watch(round % 2 == 0 ? .read : [.read, .write])
                if round % 3 == 0 { continue }
                pair.put("\(round)")
                #expect(await wait(on: loop) { log.lines.last == "\(round)" })
            }
        }
    }

    @Test func `a paused watcher says nothing and a resumed one catches up`() throws {
        let loop = try EventLoop()
        try loop.run {
            let pair = Pair()
            let log = Log()
            let watcher = SocketWatcher(pair.near, on: loop) { _ in log.add(pair.take(10)) }
            try watcher.watch(.read)
            watcher.cancel()
            #expect(watcher.interest.isEmpty)
            pair.put("kept")
            try await loop.sleep(for: .milliseconds(10))
            #expect(log.lines.isEmpty)
            try watcher.watch(.read)
            #expect(await wait(on: loop) { log.lines == ["kept"] })
        }
    }

    @Test func `a signal runs its action each time`() throws {
        let loop = try EventLoop()
        try loop.run {
            let log = Log()
            var watcher: SignalWatcher? = SignalWatcher(SIGUSR2, on: loop) { log.add("signal") }
            kill(getpid(), SIGUSR2)
            #expect(await wait(on: loop) { log.lines.count == 1 })
            kill(getpid(), SIGUSR2)
            #expect(await wait(on: loop) { log.lines.count == 2 })
            #expect(watcher != nil)
            watcher = nil
        }
    }
}
