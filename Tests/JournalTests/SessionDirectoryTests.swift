import BridgeCore
import EventLoop
import Testing

@testable import Journal

@Suite struct SessionDirectoryTests {
    private static let key = SessionKey(platform: "telegram", conversation: "-100")
    private static let start = Timestamp(seconds: 1_800_000_000)
    private static let ids: [UUID] = (0..<10).map { UUID(high: 0x7000, low: UInt64($0) | 1 << 63) }

    private static func directory(
        _ loop: EventLoop, _ registry: (any SessionRegistry)?, timeToLive: Duration = .seconds(100),
        capacity: Int = 100, deadline: Duration = .seconds(10)
    ) -> SessionDirectory {
        var configuration = SessionDirectory.Configuration(timeToLive: timeToLive)
        configuration.capacity = capacity
        configuration.deadline = deadline
        return SessionDirectory(loop: loop, registry: registry, configuration: configuration)
    }

    private static func later(_ seconds: Int64) -> Timestamp { Timestamp(seconds: start.seconds + seconds) }

    @Test func `without a registry the first candidate is the session until it has been silent for too long`()
        async throws
    {
        try await onLoop { loop in
            let directory = Self.directory(loop, nil)
            #expect(await directory.lookup(Self.key, at: Self.start, candidate: Self.ids[0]) == Self.ids[0])
            #expect(await directory.lookup(Self.key, at: Self.later(90), candidate: Self.ids[1]) == Self.ids[0])
            // Activity counts, not age.
            #expect(await directory.lookup(Self.key, at: Self.later(190), candidate: Self.ids[2]) == Self.ids[0])
            #expect(await directory.lookup(Self.key, at: Self.later(291), candidate: Self.ids[3]) == Self.ids[3])
        }
    }

    @Test func `threads, accounts and platforms are sessions of their own`() async throws {
        try await onLoop { loop in
            let directory = Self.directory(loop, nil)
            let keys = [
                Self.key, SessionKey(platform: "slack", conversation: "-100"),
                SessionKey(platform: "telegram", account: "b", conversation: "-100"),
                SessionKey(platform: "telegram", conversation: "-100", thread: "7"),
                SessionKey(platform: "telegram", conversation: "-1007"),
            ]
            for (index, key) in keys.enumerated() {
                #expect(await directory.lookup(key, at: Self.start, candidate: Self.ids[index]) == Self.ids[index])
            }
            #expect(Set(keys.map(\.canonical)).count == keys.count)
        }
    }

    @Test func `two bridges agree by the registry`() async throws {
        try await onLoop { loop in
            let registry = SharedRegistry()
            let first = Self.directory(loop, registry)
            let second = Self.directory(loop, registry)
            #expect(await first.lookup(Self.key, at: Self.start, candidate: Self.ids[0]) == nil)
            #expect(await first.resolve(Self.key, at: Self.start, candidate: Self.ids[0]) == Self.ids[0])
            #expect(await second.resolve(Self.key, at: Self.start, candidate: Self.ids[1]) == Self.ids[0])
            #expect(await second.lookup(Self.key, at: Self.later(1), candidate: Self.ids[2]) == Self.ids[0])
            #expect(await registry.questions == 2)
        }
    }

    @Test func `many messages at once ask the registry once`() async throws {
        try await onLoop { loop in
            let registry = SharedRegistry()
            await registry.hang()
            let directory = Self.directory(loop, registry)
            let answers = await withTaskGroup(of: UUID.self) { group in
                for id in Self.ids {
                    group.addTask { await directory.resolve(Self.key, at: Self.start, candidate: id) }
                }
                try? await eventually("the question", on: loop) { await registry.questions == 1 }
                await registry.release()
                return await group.reduce(into: Set<UUID>()) { $0.insert($1) }
            }
            #expect(answers.count == 1)
            #expect(await registry.questions == 1)
        }
    }

    @Test func `the registry hears of a lively session once an interval`() async throws {
        try await onLoop { loop in
            let registry = SharedRegistry()
            let directory = Self.directory(loop, registry)
            _ = await directory.resolve(Self.key, at: Self.start, candidate: Self.ids[0])
            for second in 1..<10 {
                _ = await directory.lookup(Self.key, at: Self.later(Int64(second)), candidate: Self.ids[1])
            }
            #expect(await registry.questions == 1)
            _ = await directory.lookup(Self.key, at: Self.later(11), candidate: Self.ids[1])
            try await eventually("the refresh", on: loop) { await registry.questions == 2 }
            _ = await directory.lookup(Self.key, at: Self.later(12), candidate: Self.ids[1])
            #expect(await registry.questions == 2)
        }
    }

    @Test func `while the registry is away bridges compute the same id, and register it later`() async throws {
        try await onLoop { loop in
            let registry = SharedRegistry()
            await registry.set(away: true)
            let first = Self.directory(loop, registry)
            let second = Self.directory(loop, registry)
            let computed = await first.resolve(Self.key, at: Self.start, candidate: Self.ids[0])
            #expect(await second.resolve(Self.key, at: Self.later(1), candidate: Self.ids[1]) == computed)
            #expect(computed.high >> 12 & 0xF == 8)
            #expect(!Self.ids.contains(computed))
            await registry.set(away: false)
            #expect(await first.lookup(Self.key, at: Self.later(2), candidate: Self.ids[0]) == computed)
            try await eventually("the registration", on: loop) { await registry.known(Self.key) == computed }
        }
    }

    @Test func `a registry that does not answer costs no more than the deadline, and its late answer is overruled`()
        async throws
    {
        try await onLoop { loop in
            let registry = SharedRegistry()
            await registry.hang()
            let directory = Self.directory(loop, registry, deadline: .milliseconds(20))
            let start = ContinuousClock.now
            let computed = await directory.resolve(Self.key, at: Self.start, candidate: Self.ids[0])
            #expect(ContinuousClock.now - start >= .milliseconds(20))
            #expect(computed != Self.ids[0])
            await registry.release()
            try await eventually("the late answer", on: loop) { await registry.known(Self.key) == Self.ids[0] }
            // The candidate is registered, and nobody uses it: it gives way to the id in use.
            #expect(await directory.lookup(Self.key, at: Self.later(1), candidate: Self.ids[2]) == computed)
            try await eventually("the correction", on: loop) { await registry.known(Self.key) == computed }
            #expect(await directory.lookup(Self.key, at: Self.later(2), candidate: Self.ids[2]) == computed)
        }
    }

    @Test func `the computed id changes with the window and with every part of the name`() {
        func id(_ key: SessionKey, _ seconds: Int64) -> UUID {
            SessionDirectory.deterministicSession(of: key, at: Timestamp(seconds: seconds), timeToLive: .seconds(100))
        }
        #expect(id(Self.key, 1_000) == id(Self.key, 1_099))
        #expect(id(Self.key, 1_000) != id(Self.key, 1_100))
        #expect(id(Self.key, 1_000) != id(SessionKey(platform: "telegram", conversation: "-10", thread: "0"), 1_000))
    }

    @Test func `a moved conversation keeps its session`() async throws {
        try await onLoop { loop in
            let new = SessionKey(platform: "telegram", conversation: "-100999")
            let registry = SharedRegistry()
            let directory = Self.directory(loop, registry)
            _ = await directory.resolve(Self.key, at: Self.start, candidate: Self.ids[0])
            await directory.alias(old: Self.key, new: new, at: Self.later(1))
            #expect(await directory.lookup(new, at: Self.later(2), candidate: Self.ids[1]) == Self.ids[0])
            try await eventually("the registration", on: loop) { await registry.known(new) == Self.ids[0] }
            // After a restart, known to the registry alone.
            let restarted = Self.directory(loop, registry)
            let newest = SessionKey(platform: "telegram", conversation: "-100888")
            await restarted.alias(old: new, new: newest, at: Self.later(3))
            #expect(await restarted.resolve(newest, at: Self.later(4), candidate: Self.ids[2]) == Self.ids[0])
        }
    }

    @Test func `the least recently active session is forgotten beyond the limit`() async throws {
        try await onLoop { loop in
            let directory = Self.directory(loop, nil, capacity: 3)
            func key(_ number: Int) -> SessionKey { SessionKey(platform: "p", conversation: "\(number)") }
            for number in 0..<3 { _ = await directory.lookup(key(number), at: Self.start, candidate: Self.ids[number]) }
            _ = await directory.lookup(key(0), at: Self.later(1), candidate: Self.ids[9])
            _ = await directory.lookup(key(3), at: Self.later(1), candidate: Self.ids[3])
            #expect(await directory.count == 3)
            #expect(await directory.lookup(key(0), at: Self.later(1), candidate: Self.ids[9]) == Self.ids[0])
            #expect(await directory.lookup(key(2), at: Self.later(1), candidate: Self.ids[9]) == Self.ids[2])
            #expect(await directory.lookup(key(1), at: Self.later(1), candidate: Self.ids[9]) == Self.ids[9])
        }
    }

    @Test func `a store's active session goes on after a restart`() async throws {
        try await onLoop { loop in
            let store = ListStore()
            await store.activate(Self.ids[5], for: Self.key)
            let registry = StoreSessionRegistry(store: store, timeToLive: .seconds(100))
            let directory = Self.directory(loop, registry)
            #expect(await directory.resolve(Self.key, at: Self.start, candidate: Self.ids[0]) == Self.ids[5])
            let other = SessionKey(platform: "telegram", conversation: "other")
            #expect(await directory.resolve(other, at: Self.start, candidate: Self.ids[1]) == Self.ids[1])
        }
    }
}
