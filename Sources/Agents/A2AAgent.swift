public import BridgeCore
import HTTPCore
import JSON

/// An agent that speaks A2A, version 0.3 or 1.0: its card says which, where it is asked, and whether it streams.
///
/// The card is looked for below the configured address and at its host, under today's name and that of before 0.3; an address
/// that ends in `.json` is the card's own. The conversation is the context (`contextId`), so the agent's memory follows it.
public struct A2AAgent: AgentDiscovering {
    /// `a2a`.
    public var name: String { "a2a" }

    /// False: the agent keeps the context.
    public var needsHistory: Bool { false }

    /// As configured; the card says which types it takes.
    public let takesImages: Bool

    private static let cardPaths = ["/.well-known/agent-card.json", "/.well-known/agent.json"]

    private let endpoint: AgentEndpoint

    /// The agent at the configured address.
    public init(configuration: HTTPAgentConfiguration) {
        takesImages = configuration.takesImages
        endpoint = AgentEndpoint(base: configuration.url, apiKey: nil, extra: configuration.headers)
    }

    /// Asks for the card, at each place where it may be.
    public var discoveryRequests: [OutboundRequest] {
        let origin = A2AURL(endpoint.base)?.origin ?? endpoint.base
        var urls: [String] = []
        if endpoint.base.hasSuffix(".json") {
            urls = [endpoint.base]
        } else {
            for base in origin == endpoint.base ? [origin] : [endpoint.base, origin] {
                urls += A2AAgent.cardPaths.map { base + $0 }
            }
        }
        return urls.map { endpoint.get($0) }
    }

    /// The agent that the card describes.
    public func discovered(_ response: OutboundResponse) throws(AgentFailure) -> any Agent {
        var body = JSONBodyCollector(limit: 1 << 20)
        body.append(response.body[...])
        guard response.status.isSuccess else {
            var failure = endpoint.words.failure(status: response.status, body: body)
            failure.message = "no agent card: " + failure.message
            throw failure
        }
        guard let card = body.json, card.kind == .object else {
            throw AgentFailure(.malformed, "the agent card is not a JSON object")
        }
        let interface = try A2AInterface(card: card, origin: A2AURL(endpoint.base)?.origin ?? endpoint.base)
        return A2APeer(interface: interface, endpoint: endpoint, takesImages: takesImages)
    }
}
