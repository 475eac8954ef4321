public import BridgeCore

/// Repeats what the user said: for the first try of an installation, and for measuring everything but an agent.
public struct EchoAgent: Agent {
    /// `echo`.
    public var name: String { "echo" }

    /// False: it remembers nothing and needs nothing.
    public var needsHistory: Bool { false }

    /// An echo.
    public init() {}

    /// The user's own text, at once.
    public func ask(_ turn: AgentTurn) -> AgentCall {
        .immediate([.text(turn.text), .finished(AgentReceipt(finishReason: "stop"))])
    }
}
