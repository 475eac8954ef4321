import Agents
import BridgeCore
import SlackAdapter
import TelegramAdapter
import WebAdapter
import WebhookAdapter

extension ProductConfiguration {
    /// The adapters of the platforms that are on: the composition root's list.
    func makeAdapters() -> [any Adapter] {
        var adapters: [any Adapter] = []
        if let telegram { adapters.append(TelegramAdapter(configuration: telegram)) }
        if let slack { adapters.append(SlackAdapter(configuration: slack)) }
        if let webhook { adapters.append(WebhookAdapter(configuration: webhook)) }
        adapters.append(WebAdapter())
        return adapters
    }

    /// The agent that answers.
    func makeAgent() -> any Agent {
        switch agent {
        case .echo: EchoAgent()
        case .mastra(let configuration): MastraAgent(configuration: configuration)
        case .openAI(let configuration): OpenAIAgent(configuration: configuration)
        case .http(let configuration): HTTPAgent(configuration: configuration)
        }
    }
}
