internal import BridgeCore
internal import Synchronization
internal import Tracing

/// The engines of one process, one a loop, and which of them has a conversation.
///
/// Whatever is known of a conversation (its order, its history, what was taken before) lives on one loop, so that nothing of it
/// is shared: the name of a conversation tells which. One that an engine has taken over from another process stays with that
/// engine.
public final class BridgeGroup: Sendable {
    /// The most conversations that are remembered to be elsewhere than their names say; far more than are in work at a crash.
    private static let capacity = 100_000

    /// A conversation with all its threads.
    private struct Key: Hashable {
        let platform: PlatformName
        let account: AccountName
        let conversation: ConversationID

        init(_ place: InboundEvent.Place, on platform: PlatformName) {
            self.platform = platform
            account = place.account
            conversation = place.conversation
        }
    }

    /// All of them; the first one has what belongs to none in particular: the chat page, polling, gateways.
    public let bridges: [Bridge]
    private let adopted = Mutex(GenerationalCache<Key, Int>(capacity: BridgeGroup.capacity))

    /// A group of engines that have not started yet; each is to ``Bridge/join(_:)`` it.
    public init(_ bridges: [Bridge]) {
        precondition(!bridges.isEmpty, "a group has an engine")
        self.bridges = bridges
    }

    /// Whose the conversation is.
    func owner(of place: InboundEvent.Place, on platform: PlatformName) -> Bridge {
        if bridges[0].platforms[platform]?.capabilities.transport == .local { return bridges[0] }
        let key = Key(place, on: platform)
        let known = adopted.withLock { $0.count == 0 ? nil : $0[key] }
        return bridges[known ?? Int(UInt(bitPattern: key.hashValue) % UInt(bridges.count))]
    }

    /// The conversation is in work at one of them from now on, whatever its name says.
    func adopt(_ place: InboundEvent.Place, on platform: PlatformName, by bridge: Bridge) {
        guard owner(of: place, on: platform) !== bridge, let index = bridges.firstIndex(where: { $0 === bridge }) else {
            return
        }
        adopted.withLock { $0[Key(place, on: platform)] = index }
    }
}

extension Bridge {
    /// Makes this one of several engines of the process; to be called before ``start()``.
    public func join(_ group: BridgeGroup) {
        self.group = group
    }

    /// Events with the engine whose they are.
    typealias Share = (owner: Bridge, events: [InboundEvent])

    /// Which events are to be taken by other engines of the process; nil where all are this one's.
    func shares(of events: [InboundEvent], on platform: Platform) -> [Share]? {
        guard let group, events.contains(where: { group.owner(of: $0.place, on: platform.name) !== self }) else {
            return nil
        }
        var shares: [Share] = []
        for event in events {
            let owner = group.owner(of: event.place, on: platform.name)
            if let index = shares.firstIndex(where: { $0.owner === owner }) {
                shares[index].events.append(event)
            } else {
                shares.append((owner, [event]))
            }
        }
        return shares
    }

    /// Why events cannot be taken now.
    enum TakeRefusal {
        /// Too much is in work.
        case full
        /// The inbox cannot be reached.
        case away
    }

    /// Takes events, each by its own engine.
    ///
    /// - Returns: why some cannot be taken now: delivered again, the others are known.
    nonisolated func take(
        _ shares: [Share], from platform: PlatformName, trace: TraceHeaders? = nil,
        since start: ContinuousClock.Instant? = nil
    ) async -> TakeRefusal? {
        for share in shares {
            let refusal = await share.owner.takeOwn(share.events, from: platform, trace: trace, since: start)
            if let refusal { return refusal }
        }
        return nil
    }

    /// Takes events whose conversations are this engine's.
    func takeOwn(
        _ events: [InboundEvent], from platform: PlatformName, trace: TraceHeaders? = nil,
        since start: ContinuousClock.Instant? = nil
    ) async -> TakeRefusal? {
        guard let platform = platforms[platform] else { return nil }
        switch admit(events, from: platform, trace: trace, since: start) {
        case .taken: return nil
        case .full: return .full
        case .claim(let arrivals): return await claimUndisturbed(arrivals) == nil ? .away : nil
        }
    }
}
