public import BridgeCore
internal import Crypto
public import EventLoop
public import Telemetry

/// Knows the session of a conversation: at once where it was active before, and within a deadline otherwise.
///
/// A conversation that has been silent for longer than `SESSION_TTL_SECONDS` starts a new session. The bridges of an installation
/// agree by a ``SessionRegistry``; while it is away a conversation gets the id that every bridge computes from its names
/// and the time, which is registered as soon as the registry is back. Without a registry the process decides alone.
///
/// Pinned to a loop: the engine on the same loop calls ``lookup(_:at:candidate:)`` by `assumeIsolated`.
public actor SessionDirectory {
    /// How long and how many.
    public struct Configuration: Sendable {
        /// The silence that ends a session, `SESSION_TTL_SECONDS`.
        public var timeToLive: Duration
        /// The most sessions kept in memory.
        public var capacity = 100_000
        /// How long ``SessionDirectory/resolve(_:at:candidate:)`` waits for the registry.
        public var deadline: Duration = .milliseconds(200)
        /// How often the registry is told of a session's activity at most, and asked again when it was away.
        public var refreshInterval: Duration

        /// A configuration; a day by default.
        public init(timeToLive: Duration = .seconds(86_400)) {
            self.timeToLive = max(.milliseconds(1), timeToLive)
            // A minute is enough for a day; a shorter life needs a finer grain.
            refreshInterval = min(.seconds(60), self.timeToLive / 10)
        }
    }

    /// The loop that the directory belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let registry: (any SessionRegistry)?
    private let configuration: Configuration
    private let log: Log
    private var cache: SessionCache
    private var resolving: [SessionKey: Question] = [:]
    private var refreshing: Set<SessionKey> = []
    /// Where a moved conversation had its session; taken out when the new name is resolved.
    private var moved: [SessionKey: SessionKey] = [:]

    /// A question to the registry and who waits for its answer; the timer is its deadline.
    private struct Question {
        var waiting: [CheckedContinuation<UUID, Never>]
        let timer: LoopTimer
    }

    /// The most moved conversations remembered until somebody speaks in them, and of refreshes under way.
    private static let sideLimit = 10_000

    /// A directory that knows nothing yet.
    ///
    /// - Parameter registry: nil where one process is all there is and nothing outlives it.
    public init(
        loop: EventLoop, registry: (any SessionRegistry)?, configuration: Configuration = Configuration(),
        log: Log = .silent
    ) {
        self.loop = loop
        self.registry = registry
        self.configuration = configuration
        self.log = log
        cache = SessionCache(capacity: configuration.capacity)
    }

    /// The number of sessions in memory.
    public var count: Int { cache.count }

    /// The session of a conversation if it can be told at once; activity at `at` keeps it alive.
    ///
    /// - Parameter candidate: becomes the session where nobody else has a say.
    /// - Returns: nil when the registry has to be asked: see ``resolve(_:at:candidate:)``.
    public func lookup(_ key: SessionKey, at: Timestamp, candidate: UUID) -> UUID? {
        if let place = cache.place(of: key) {
            var entry = cache[place]
            if at.duration(since: entry.lastActivity) <= configuration.timeToLive {
                entry.lastActivity = max(entry.lastActivity, at)
                cache[place] = entry
                cache.touch(place)
                if registry != nil { refreshIfDue(key, entry, at: at) }
                return entry.session
            }
        }
        guard registry == nil else { return nil }
        let session = inherited(key, at: at) ?? candidate
        cache.insert(SessionCache.Entry(session: session, lastActivity: at, registeredAt: at), for: key)
        return session
    }

    /// The session of a conversation, asked of the registry where need be.
    ///
    /// It always answers within the deadline; calls for the same conversation share one question and one answer.
    public func resolve(_ key: SessionKey, at: Timestamp, candidate: UUID) async -> UUID {
        if let session = lookup(key, at: at, candidate: candidate) { return session }
        return await withCheckedContinuation { continuation in
            if resolving[key] != nil {
                resolving[key]?.waiting.append(continuation)
                return
            }
            let timer = LoopTimer(on: loop) { [weak self] in
                self?.assumeIsolated { $0.giveUp(key, at: at, proposed: candidate) }
            }
            timer.schedule(after: configuration.deadline)
            resolving[key] = Question(waiting: [continuation], timer: timer)
            ask(key, at: at, candidate: candidate)
        }
    }

    /// A conversation goes on under a new name (Telegram: a group became a supergroup) and keeps its session.
    public func alias(old: SessionKey, new: SessionKey, at: Timestamp) {
        guard old != new else { return }
        if let place = cache.place(of: old) {
            var entry = cache[place]
            guard at.duration(since: entry.lastActivity) <= configuration.timeToLive else { return }
            entry.lastActivity = max(entry.lastActivity, at)
            // The registry knows it under the old name only.
            entry.registeredAt = nil
            cache.insert(entry, for: new)
            if registry != nil { refreshIfDue(new, entry, at: at) }
        } else if registry != nil, moved.count < SessionDirectory.sideLimit {
            moved[new] = old
        }
    }

    /// The id that all bridges give a conversation while they cannot agree: a digest of its names and of which of the
    /// windows of one time-to-live since 1970 `at` is in.
    static func deterministicSession(of key: SessionKey, at: Timestamp, timeToLive: Duration) -> UUID {
        let parts = timeToLive.components
        let length = max(1, parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000)
        return UUID(version8Of: SHA256.digest(of: "\(key.canonical)#\(at.microseconds / length)"))
    }

    // MARK: Asking

    private func ask(_ key: SessionKey, at: Timestamp, candidate: UUID) {
        guard let registry else { return answer(key, with: candidate, at: at) }
        let old = moved.removeValue(forKey: key)
        loop.spawn(on: self) { directory in
            do {
                var candidate = candidate
                if let old {
                    candidate = try await registry.session(of: old, at: at, candidate: candidate, replacing: nil)
                }
                let session = try await registry.session(of: key, at: at, candidate: candidate, replacing: nil)
                directory.answer(key, with: session, at: at)
            } catch {
                directory.log.warning(
                    "the session registry is away: sessions are computed", ["error": "\(error)"])
                directory.giveUp(key, at: at, proposed: candidate)
            }
        }
    }

    private func answer(_ key: SessionKey, with session: UUID, at: Timestamp) {
        // Too late: the conversation goes on with the id that was computed.
        guard let question = resolving.removeValue(forKey: key) else { return }
        cache.insert(SessionCache.Entry(session: session, lastActivity: at, registeredAt: at), for: key)
        for continuation in question.waiting { continuation.resume(returning: session) }
    }

    private func giveUp(_ key: SessionKey, at: Timestamp, proposed: UUID) {
        guard let question = resolving.removeValue(forKey: key) else { return }
        let session = SessionDirectory.deterministicSession(of: key, at: at, timeToLive: configuration.timeToLive)
        let entry = SessionCache.Entry(session: session, lastActivity: at, registeredAt: nil, replaced: proposed)
        cache.insert(entry, for: key)
        for continuation in question.waiting { continuation.resume(returning: session) }
    }

    // MARK: Keeping the registry informed

    private func refreshIfDue(_ key: SessionKey, _ entry: SessionCache.Entry, at: Timestamp) {
        if let registeredAt = entry.registeredAt {
            let age = at.duration(since: registeredAt)
            // Negative where the clock was set back: the registry forgets by its own, and must hear of the session.
            if age >= .zero - configuration.refreshInterval, age < configuration.refreshInterval { return }
        }
        guard let registry, refreshing.count < SessionDirectory.sideLimit, refreshing.insert(key).inserted else {
            return
        }
        let isKnown = entry.registeredAt != nil
        loop.spawn(on: self) { directory in
            do {
                let session = try await registry.session(
                    of: key, at: at, candidate: entry.session, replacing: entry.replaced)
                if let place = directory.cache.place(of: key), directory.cache[place].session == entry.session {
                    // Another bridge may have registered its own meanwhile: from now on it is ours too.
                    directory.cache[place].session = session
                    directory.cache[place].registeredAt = at
                    directory.cache[place].replaced = nil
                }
            } catch {
                // Known: it lives on in the registry for a while yet. Unknown: not with every message again.
                if !isKnown {
                    try? await directory.loop.sleep(for: min(.seconds(1), directory.configuration.refreshInterval))
                }
            }
            directory.refreshing.remove(key)
        }
    }

    private func inherited(_ key: SessionKey, at: Timestamp) -> UUID? {
        guard let old = moved.removeValue(forKey: key), let place = cache.place(of: old) else { return nil }
        return at.duration(since: cache[place].lastActivity) <= configuration.timeToLive ? cache[place].session : nil
    }
}
