import Agents
import BridgeCore
import HTTPClient
import HTTPCore

/// A question that an agent answers without doing anything, for `chatbridge doctor`.
struct AgentCheck: Sendable {
    let request: OutboundRequest
    private let name: String

    /// The check of an agent; nil where there is nobody to ask, or the agent describes itself.
    init?(_ choice: ProductConfiguration.AgentChoice) {
        name = choice.name
        switch choice {
        case .echo, .a2a:
            // Of the latter, the card says more than any answer: see `Doctor`.
            return nil
        case .mastra(let mastra):
            var headers = mastra.headers
            if let key = mastra.apiKey { headers.append("Authorization", "Bearer \(key)") }
            let agent = HTTPPercentEncoding.encode(mastra.agentID)
            request = OutboundRequest(method: .get, url: "\(mastra.endpoint)/agents/\(agent)", headers: headers)
        case .openAI(let openAI), .responses(let openAI):
            var headers = openAI.headers
            if let key = openAI.apiKey { headers.append("Authorization", "Bearer \(key)") }
            request = OutboundRequest(method: .get, url: "\(openAI.baseURL)/models", headers: headers)
        case .http(let http), .agui(let http):
            // Whatever it answers to this, it is there; only its refusal of our credentials tells more.
            request = OutboundRequest(method: .options, url: http.url, headers: http.headers)
        }
    }

    /// What the agent's answer says.
    func interpret(_ response: HTTPClientResponse) -> Doctor.Finding {
        switch response.status.code {
        case 401, 403:
            Doctor.Finding(
                subject: "agent", state: .bad, detail: "\(name) refuses our credentials (\(response.status))",
                remedy: "check the API key")
        case 404 where name == "mastra":
            Doctor.Finding(
                subject: "agent", state: .bad, detail: "mastra has no agent of this id, or the endpoint lacks /api",
                remedy: "check MASTRA_AGENT_ID and MASTRA_ENDPOINT, as in http://localhost:4111/api")
        case 501 where name == "http" || name == "agui":
            // Not implemented: this method is not, as was to be expected of an endpoint that takes POST.
            Doctor.Finding(subject: "agent", state: .good, detail: "\(name) answers")
        case 500...:
            Doctor.Finding(
                subject: "agent", state: .warning, detail: "\(name) answers, but with \(response.status)",
                remedy: "look into the agent's own log")
        default:
            Doctor.Finding(subject: "agent", state: .good, detail: "\(name) answers (\(response.status))")
        }
    }
}
