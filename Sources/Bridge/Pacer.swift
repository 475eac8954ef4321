internal import BridgeCore

/// Says how long a request to a platform has to wait: one budget for each conversation, shared by sends, edits and typing.
///
/// The generic cell rate algorithm (ITU-T I.371): one point in time per budget says when the next request would be due at an
/// even pace; a burst may run ahead of it. A 429 moves that point, so it is obeyed by everything that follows.
struct Pacer {
    /// How long an answer may wait for an update that went before it, on a platform without bursts.
    private static let longestCourtesy = Duration.seconds(1)

    private let rates: Capabilities.Rates
    private var overall: ContinuousClock.Instant?
    private var conversations: [ConversationID: ContinuousClock.Instant] = [:]
    /// Until when the platform wants to hear nothing of a conversation.
    private var blocks: [ConversationID: ContinuousClock.Instant] = [:]
    /// Until when it wants to hear nothing at all.
    private var overallBlock: ContinuousClock.Instant?
    private var pruneAt = 1024

    init(rates: Capabilities.Rates) {
        self.rates = rates
    }

    /// Takes a place in line and returns how long to wait for it.
    mutating func reserve(_ place: InboundEvent.Place, at now: ContinuousClock.Instant) -> Duration {
        let wait = delay(for: place, at: now)
        if let rate = rate(for: place) {
            conversations[place.conversation] = max(conversations[place.conversation] ?? now, now) + rate.interval
        }
        if let rate = rates.overall { overall = max(overall ?? now, now) + rate.interval }
        prune(at: now)
        return wait
    }

    /// True when so many requests could go out at once; takes no place.
    func isFree(_ place: InboundEvent.Place, for count: Int = 1, at now: ContinuousClock.Instant) -> Bool {
        delay(for: place, behind: count - 1, at: now) == .zero
    }

    /// True when something less than an answer may go out, and an answer at once behind it.
    ///
    /// Where no burst is allowed, nothing could ever go out before an answer: there the answer may wait, for a second at most.
    func hasRoomToSpare(_ place: InboundEvent.Place, at now: ContinuousClock.Instant) -> Bool {
        if isFree(place, for: 2, at: now) { return true }
        let bursts = [rate(for: place), rates.overall].compactMap(\.self).map(\.burst)
        return bursts.contains(1) && isFree(place, at: now)
            && delay(for: place, behind: 1, at: now) <= Pacer.longestCourtesy
    }

    /// True while the platform wants to hear nothing: those who took their place in line earlier have to wait as well.
    func isBlocked(_ place: InboundEvent.Place, at now: ContinuousClock.Instant) -> Bool {
        [blocks[place.conversation], overallBlock].contains { $0.map { $0 > now } ?? false }
    }

    /// Holds a conversation or all of them back after the platform said so.
    mutating func block(
        _ place: InboundEvent.Place, _ scope: DeliveryFailure.Scope = .conversation, for duration: Duration,
        at now: ContinuousClock.Instant
    ) {
        if scope == .account {
            overallBlock = max(overallBlock ?? now, now + duration)
            guard let rate = rates.overall else { return }
            overall = max(overall ?? now, now + duration + rate.interval * (rate.burst - 1))
            return
        }
        blocks[place.conversation] = max(blocks[place.conversation] ?? now, now + duration)
        // The burst must not run ahead of the block: the point is moved past it by as much.
        let ahead = rate(for: place).map { $0.interval * ($0.burst - 1) } ?? .zero
        conversations[place.conversation] = max(conversations[place.conversation] ?? now, now + duration + ahead)
    }

    private func rate(for place: InboundEvent.Place) -> Capabilities.Rate? {
        place.isGroup ? rates.group ?? rates.conversation : rates.conversation
    }

    /// How long a request has to wait behind so many that would be made now.
    private func delay(
        for place: InboundEvent.Place, behind count: Int = 0, at now: ContinuousClock.Instant
    ) -> Duration {
        var wait = Duration.zero
        if let rate = rate(for: place) {
            wait = max(wait, delay(until: conversations[place.conversation], rate, behind: count, at: now))
        } else if let due = conversations[place.conversation] {
            wait = max(wait, now.duration(to: due))
        }
        if let rate = rates.overall { wait = max(wait, delay(until: overall, rate, behind: count, at: now)) }
        if let overallBlock { wait = max(wait, now.duration(to: overallBlock)) }
        return wait
    }

    private func delay(
        until due: ContinuousClock.Instant?, _ rate: Capabilities.Rate, behind count: Int,
        at now: ContinuousClock.Instant
    ) -> Duration {
        now.duration(to: max(due ?? now, now)) - rate.interval * (rate.burst - 1 - count)
    }

    /// Forgets conversations whose budget is full again, when there are many.
    private mutating func prune(at now: ContinuousClock.Instant) {
        guard conversations.count > pruneAt else { return }
        conversations = conversations.filter { $0.value > now }
        blocks = blocks.filter { $0.value > now }
        pruneAt = max(1024, conversations.count * 2)
    }
}
