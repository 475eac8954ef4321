public import BridgeCore

/// How the engine treats messages, whatever their platform.
public struct BridgeConfiguration: Sendable {
    /// How fast a platform may be written to.
    public enum RateLimit: Sendable, Equatable {
        /// As the platform publishes it.
        case auto
        /// Without any limit of ours, for servers of one's own and benchmarks.
        case off
        /// So many requests a second in all.
        case perSecond(Double)
    }

    /// When an event is acknowledged.
    public enum Acknowledgement: String, Sendable, CaseIterable {
        /// Once it is verified.
        case fast
        /// Once the inbox has it: what was acknowledged is answered in the end.
        case durable
    }

    /// How the messages of one conversation are answered.
    public enum ConversationPolicy: Sendable, Equatable {
        /// One by one, in the order received.
        case queue
        /// Those of one person that come within this time of the first, or while an answer is made, are answered as one.
        case coalesce(within: Duration)
        /// A newer message breaks off the answer to an older one and stands in its place.
        case latest
        /// Each at once, in any order.
        case concurrent
    }

    /// When an event is acknowledged; without an inbox it is ``Acknowledgement/fast``.
    public var acknowledgement = Acknowledgement.fast
    /// How the messages of one conversation are answered.
    public var policy = ConversationPolicy.queue
    /// True to let an answer grow in its message where the platform can edit.
    public var isStreaming = true
    /// The typing indicator starts when the agent has been silent for so long; nil: never.
    public var typingDelay: Duration? = .milliseconds(400)
    /// What the user gets when the agent fails; nil: nothing.
    public var errorReply: String? = "Sorry, something went wrong on my side. Please try again in a moment."
    /// Time for the agent's answer.
    public var agentTimeout: Duration = .seconds(30)
    /// Earlier messages sent to agents that keep no memory.
    public var historyLimit = 20
    /// Questions that may be waiting or in work at a time; more are refused with 503.
    public var maxInFlight = 100_000
    /// Questions of one conversation that may wait behind the one in work; more are refused with 503.
    public var maxWaitingPerConversation = 100
    /// Pacing per platform; `.auto` where nothing is said.
    public var rateLimits: [PlatformName: RateLimit] = [:]
    /// Engines of the process, which share ``maxInFlight`` and what a platform takes in all.
    public var engines = 1

    /// The defaults of the outside contract.
    public init() {}

    /// What one engine may send to a platform.
    func rates(of adapter: any Adapter) -> Capabilities.Rates {
        var rates = ratesOfAll(adapter)
        rates.overall = rates.overall.map { $0.share(of: engines) }
        return rates
    }

    /// The questions that one engine may have.
    var maxInFlightHere: Int { (maxInFlight + engines - 1) / engines }

    private func ratesOfAll(_ adapter: any Adapter) -> Capabilities.Rates {
        switch rateLimits[adapter.platform] ?? .auto {
        case .auto: adapter.capabilities.rates
        case .off: Capabilities.Rates()
        case .perSecond(let rate):
            // Evenly spaced: a burst would be more than the rate in its second.
            Capabilities.Rates(overall: Capabilities.Rate(burst: 1, interval: .seconds(1) / max(rate, 0.001)))
        }
    }
}

extension Capabilities.Rate {
    /// The part that is left to each of so many.
    fileprivate func share(of count: Int) -> Capabilities.Rate {
        Capabilities.Rate(burst: max(1, burst / count), interval: interval * count)
    }
}
