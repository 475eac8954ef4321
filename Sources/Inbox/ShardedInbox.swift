internal import BridgeCore
public import EventLoop

/// The inbox of a cluster: one for each shard, and each conversation in the one that its name belongs to.
///
/// A shard is an inbox of its own with leases, mail and order of its own, so that a conversation's promises are those of
/// ``RedisInbox``; what is kept of other conversations is not touched when one shard is away.
///
/// Pinned to a loop, as its shards are.
public actor ShardedInbox: InboxStore {
    /// The loop that the inbox belongs to.
    public nonisolated let loop: EventLoop
    /// Makes the actor run on its loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let shards: [RedisInbox]
    private var receiver: InboxReceiver?
    /// Where entries without a conversation are, by their ids, until they are settled.
    private var unnamed: [UUID: Int] = [:]
    /// The most of them that are remembered, for the case that many are never settled: those whose claim was not answered.
    private static let longestList = 100_000

    /// An inbox over these shards, of which all bridges have the same number.
    public init(loop: EventLoop, shards: [RedisInbox]) {
        precondition(!shards.isEmpty, "an inbox has a shard")
        self.loop = loop
        self.shards = shards
    }

    /// The shard of a name among so many: FNV-1a, since it is to be the same in every process and version.
    static func shard(of name: String, among count: Int) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        // The lowest bits of an FNV hash are its worst.
        return Int((hash ^ hash >> 32) % UInt64(count))
    }

    private func shard(of entry: InboxEntry) -> Int {
        if let lane = entry.lane { return ShardedInbox.shard(of: lane, among: shards.count) }
        let shard = ShardedInbox.shard(of: entry.names.first ?? entry.id.description, among: shards.count)
        if entry.purpose == .answer, unnamed.count < ShardedInbox.longestList { unnamed[entry.id] = shard }
        return shard
    }

    private func shard(of entry: InboxEntry.Reference) -> Int {
        if let lane = entry.lane { return ShardedInbox.shard(of: lane, among: shards.count) }
        return unnamed[entry.id] ?? 0
    }

    /// True while other bridges share any of the shards; to be read on the loop.
    public nonisolated var isShared: Bool { assumeIsolated(on: loop) { $0.shards.contains(where: \.isShared) } }

    /// Starts all shards side by side; returns when each may take events or cannot be reached.
    public func start(_ receiver: InboxReceiver) async {
        self.receiver = receiver
        let count = shards.count
        let starts = shards.enumerated().map { number, shard in
            let own = InboxReceiver(
                deliver: { [weak self] delivery in
                    let reference = delivery.reference
                    if reference.lane == nil { self?.assumeIsolated { $0.unnamed[reference.id] = number } }
                    receiver.deliver(delivery)
                },
                lanesInWork: {
                    receiver.lanesInWork().filter { ShardedInbox.shard(of: $0.key, among: count) == number }
                },
                lost: { concerns in
                    // What has no conversation is answered where it arrived, by whoever waits for it.
                    receiver.lost { lane in
                        guard let lane, ShardedInbox.shard(of: lane, among: count) == number else { return false }
                        return concerns(lane)
                    }
                })
            return loop.spawn(on: shard) { await $0.start(own) }
        }
        for start in starts { await start.value }
    }

    /// Claims events, those of each shard in their order and in one round trip.
    ///
    /// Where a shard does not answer, what others have taken of the same call is handed to the receiver as if it were found.
    public func claim(
        _ entries: [InboxEntry], keeping: InboxKeeping
    ) async throws(InboxError) -> [InboxVerdict] {
        var places: [Int: [Int]] = [:]
        var order: [Int] = []
        for (index, entry) in entries.enumerated() {
            let shard = shard(of: entry)
            if places[shard] == nil { order.append(shard) }
            places[shard, default: []].append(index)
        }
        if order.count == 1 {
            let verdicts = try await shards[order[0]].claim(entries, keeping: keeping)
            forget(entries, verdicts)
            return verdicts
        }
        var verdicts = [InboxVerdict](repeating: .duplicate, count: entries.count)
        var taken: [InboxEntry] = []
        for shard in order {
            let indices = places[shard] ?? []
            do {
                let part = try await shards[shard].claim(indices.map { entries[$0] }, keeping: keeping)
                for (index, verdict) in zip(indices, part) {
                    verdicts[index] = verdict
                    if verdict == .taken { taken.append(entries[index]) }
                }
            } catch {
                if keeping == .payload { handBack(taken) }
                throw error
            }
        }
        forget(entries, verdicts)
        return verdicts
    }

    /// Nobody settles here what was not taken.
    private func forget(_ entries: [InboxEntry], _ verdicts: [InboxVerdict]) {
        guard !unnamed.isEmpty else { return }
        for (entry, verdict) in zip(entries, verdicts) where verdict != .taken { unnamed[entry.id] = nil }
    }

    /// Hands over what was claimed in a call that failed as a whole, once its caller has seen that it did.
    private func handBack(_ entries: [InboxEntry]) {
        let found = entries.filter { $0.purpose != .record }
        guard !found.isEmpty, let receiver else { return }
        loop.spawn(on: self) { inbox in
            try? await inbox.loop.sleep(for: .milliseconds(50))
            for entry in found {
                receiver.deliver(
                    InboxDelivery(reference: entry.reference, purpose: entry.purpose, payload: entry.payload))
            }
        }
    }

    /// Notes that entries are begun; those of one call are of one conversation, so that one shard is asked.
    public func begin(
        _ entries: [InboxEntry.Reference], progress: [UInt8]?
    ) async throws(InboxError) -> Bool {
        for (shard, part) in grouped(entries) {
            guard try await shards[shard].begin(part, progress: progress) else { return false }
        }
        return true
    }

    /// Ends entries; the log jobs go with the first of them.
    public func settle(_ settlement: InboxSettlement) async throws(InboxError) {
        var settlement = settlement
        let groups = grouped(settlement.entries)
        for (shard, part) in groups.isEmpty ? [(0, [])] : groups {
            settlement.entries = part
            try await shards[shard].settle(settlement)
            for entry in part { unnamed[entry.id] = nil }
            settlement = InboxSettlement(entries: [])
        }
    }

    private func grouped(_ entries: [InboxEntry.Reference]) -> [(Int, [InboxEntry.Reference])] {
        var groups: [(Int, [InboxEntry.Reference])] = []
        for entry in entries {
            let shard = shard(of: entry)
            if let index = groups.firstIndex(where: { $0.0 == shard }) {
                groups[index].1.append(entry)
            } else {
                groups.append((shard, [entry]))
            }
        }
        return groups
    }

    /// Gives up this bridge's part in all shards.
    public func retire() async {
        let ends = shards.map { shard in loop.spawn(on: shard) { await $0.retire() } }
        for end in ends { await end.value }
    }

    /// What the conversation's shard says at once.
    public nonisolated func claimAtOnce(_ entry: InboxEntry) -> InboxVerdict? {
        assumeIsolated(on: loop) { $0.shards[$0.shard(of: entry)].claimAtOnce(entry) }
    }

    /// What the conversation's shard says at once.
    public nonisolated func beginAtOnce(_ entries: [InboxEntry.Reference]) -> Bool? {
        assumeIsolated(on: loop) { inbox in
            var isOurs: Bool? = true
            for (shard, part) in inbox.grouped(entries) {
                guard let said = inbox.shards[shard].beginAtOnce(part) else {
                    isOurs = nil
                    continue
                }
                if !said { return false }
            }
            return isOurs
        }
    }

    /// What the conversation's shard says at once.
    public nonisolated func settleAtOnce(_ entry: InboxEntry.Reference) -> Bool {
        assumeIsolated(on: loop) { inbox in
            guard inbox.shards[inbox.shard(of: entry)].settleAtOnce(entry) else { return false }
            inbox.unnamed[entry.id] = nil
            return true
        }
    }
}
