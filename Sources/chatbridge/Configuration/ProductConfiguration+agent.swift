import Agents
import Bridge
import BridgeCore
import HTTPCore
import JSON

extension ProductConfiguration {
    /// Reads who answers: `AGENT` says it, or else the endpoint that is set.
    mutating func readAgent(_ settings: inout SettingsReader) {
        let isRepeating = settings.boolean("REPEAT_MODE", default: false)
        let named = settings.text("AGENT")?.lowercased()
        let mastraEndpoint = settings.url("MASTRA_ENDPOINT")
        let mastraAgent = settings.text("MASTRA_AGENT_ID")
        let mastraKey = settings.text("MASTRA_API_KEY", isSecret: true)
        let mastraHeaders = readHeaders("MASTRA_HEADERS", &settings)
        let mastraTimeout = settings.milliseconds("MASTRA_TIMEOUT", default: 30_000, in: 1...3_600_000)
        let openAIKey = settings.text("OPENAI_API_KEY", isSecret: true)
        let isOpenAIBaseSet = settings.isSet("OPENAI_BASE_URL")
        let openAIBase = settings.url("OPENAI_BASE_URL", default: "https://api.openai.com/v1")
        let openAIModel = settings.text("OPENAI_RESPONSE_MODEL")
        let instructions = settings.text("AGENT_INSTRUCTIONS")
        // Whose routes may tell /agent from /agent/.
        let agentURL = settings.url("AGENT_URL", keepsSlash: true)
        let agentHeaders = readHeaders("AGENT_HEADERS", &settings)
        let images =
            settings.choice("AGENT_IMAGES", default: "auto", of: ["auto": nil, "true": true, "false": false]) ?? nil
        let isGuarded = settings.choice("AGENT_BREAKER", default: "auto", of: ["auto": true, "off": false]) ?? true
        let failures = settings.integer("AGENT_BREAKER_FAILURES", default: 5, in: 1...1000)
        agentFailures = isGuarded ? failures : nil
        let agentTimeout = settings.milliseconds("AGENT_TIMEOUT_MS", default: 30_000, in: 1...3_600_000)

        let inferred =
            mastraEndpoint != nil
            ? "mastra" : agentURL != nil ? "http" : openAIKey != nil || isOpenAIBaseSet ? "openai" : "echo"
        bridge.agentTimeout = agentTimeout
        let name = isRepeating ? "echo" : named ?? inferred
        switch name {
        case "echo":
            agent = .echo
        case "mastra":
            bridge.agentTimeout = mastraTimeout
            guard let mastraEndpoint, let mastraAgent else {
                settings.report(
                    "AGENT=mastra needs MASTRA_ENDPOINT (as in http://localhost:4111/api) and MASTRA_AGENT_ID")
                return
            }
            agent = .mastra(
                MastraConfiguration(
                    endpoint: mastraEndpoint, agentID: mastraAgent, apiKey: mastraKey, headers: mastraHeaders,
                    takesImages: images ?? true))
        case "openai", "responses":
            guard let openAIBase, let openAIModel else {
                settings.report("AGENT=\(name) needs OPENAI_RESPONSE_MODEL, the model's name as in gpt-4o-mini")
                return
            }
            let configuration = OpenAIConfiguration(
                baseURL: openAIBase, model: openAIModel, apiKey: openAIKey, instructions: instructions,
                headers: agentHeaders, takesImages: images ?? true)
            agent = name == "openai" ? .openAI(configuration) : .responses(configuration)
        case "http", "a2a", "agui":
            guard let agentURL else {
                settings.report("AGENT=\(name) needs AGENT_URL, the agent's address")
                return
            }
            let configuration = HTTPAgentConfiguration(
                url: agentURL, headers: agentHeaders, takesImages: images ?? (name != "http"))
            agent = name == "http" ? .http(configuration) : name == "a2a" ? .a2a(configuration) : .agui(configuration)
        default:
            settings.report("AGENT=\(name): one of mastra, openai, responses, a2a, agui, http, echo is expected")
        }
    }

    /// Header fields given as a JSON object of strings.
    private func readHeaders(_ name: String, _ settings: inout SettingsReader) -> HTTPFields {
        var fields = HTTPFields()
        guard let text = settings.text(name, isSecret: true) else { return fields }
        guard let root = try? JSONView(parsing: text), root.kind == .object else {
            settings.report("\(name): a JSON object is expected, as in {\"X-Team\":\"support\"}")
            return fields
        }
        for (field, value) in root.members {
            guard let value = value.string, !value.utf8.contains(where: { $0 < 0x20 }) else {
                settings.report("\(name): the value of \(field) must be a string without control characters")
                continue
            }
            fields.append(field, value)
        }
        return fields
    }
}
