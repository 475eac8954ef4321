/// An agent that describes itself at an address of its own: how it is asked is known only once that is read.
///
/// The engine fetches the description before the first question, keeps what came of it, and fetches it again after an hour
/// and after a failure. Where that fails, it goes on with the description that it has.
public protocol AgentDiscovering: Agent {
    /// Where the description may be, in the order in which to look; at least one.
    var discoveryRequests: [OutboundRequest] { get }

    /// The agent that a response describes.
    ///
    /// - Throws: `AgentFailure` when it describes none that we can ask; the engine looks at the next place.
    func discovered(_ response: OutboundResponse) throws(AgentFailure) -> any Agent
}

extension AgentDiscovering {
    /// Fails: nobody can be asked before the description is read.
    public func ask(_ turn: AgentTurn) -> AgentCall {
        .immediate([.failed(AgentFailure(.unreachable, "the agent's description was not fetched"))])
    }
}

/// What is to be asked next to learn the rest of an answer, of an agent that works on after its response.
public struct AgentContinuation: Sendable {
    /// How long to wait before.
    public var delay: Duration
    /// The request, whose response the same decoder reads.
    public var request: OutboundRequest

    /// A request after some time.
    public init(after delay: Duration, _ request: OutboundRequest) {
        self.delay = delay
        self.request = request
    }
}
