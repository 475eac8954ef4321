import Agents
import BridgeCore

extension ProductConfiguration {
    /// The agent that answers.
    func makeAgent() -> any Agent {
        switch agent {
        case .echo: EchoAgent()
        case .mastra(let configuration): MastraAgent(configuration: configuration)
        case .openAI(let configuration): OpenAIAgent(configuration: configuration)
        case .responses(let configuration): ResponsesAgent(configuration: configuration)
        case .a2a(let configuration): A2AAgent(configuration: configuration)
        case .agui(let configuration): AGUIAgent(configuration: configuration)
        case .http(let configuration): HTTPAgent(configuration: configuration)
        }
    }
}
