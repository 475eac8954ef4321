public import BridgeCore

/// An agent with the circuit breaker that watches it: given to the engine in the agent's place.
public struct GuardedAgent: Agent {
    /// Who is asked.
    public let agent: any Agent
    /// Says when.
    public let breaker: AgentBreaker

    /// An agent behind a breaker.
    public init(_ agent: any Agent, breaker: AgentBreaker) {
        self.agent = agent
        self.breaker = breaker
    }

    /// The agent's.
    public var name: String { agent.name }
    /// The agent's.
    public var needsHistory: Bool { agent.needsHistory }
    /// The agent's.
    public var takesImages: Bool { agent.takesImages }

    /// As the agent does; the breaker is asked by who carries it out.
    public func ask(_ turn: AgentTurn) -> AgentCall { agent.ask(turn) }
}
