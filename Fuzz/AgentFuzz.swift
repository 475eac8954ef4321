import Agents
import BridgeCore
import HTTPCore

/// The decoders of every agent that is asked over the network.
let agentTargets: [FuzzTarget] = agents.map { name, agent in
    FuzzTarget(name: "agent-\(name)", isStructured: true, weight: 2) { fuzz(agent, $0) }
}

private let web = HTTPAgentConfiguration(url: "http://agent.invalid")
private let openAI = OpenAIConfiguration(baseURL: "http://agent.invalid", model: "m")
/// A peer, whose card is asked for first.
private func peer(_ card: String) -> any Agent {
    let answer = OutboundResponse(status: .ok, headers: [:], body: Array(card.utf8))
    guard let peer = try? A2AAgent(configuration: web).discovered(answer) else { fatalError("the card is none") }
    return peer
}

/// The names of the targets, and the agents.
private let agents: [(name: String, agent: any Agent)] = [
    ("mastra", MastraAgent(configuration: MastraConfiguration(endpoint: "http://agent.invalid", agentID: "a"))),
    ("openai", OpenAIAgent(configuration: openAI)), ("responses", ResponsesAgent(configuration: openAI)),
    ("agui", AGUIAgent(configuration: web)), ("http", HTTPAgent(configuration: web)),
    (
        "a2a-0.3",
        peer(#"{"name":"a","url":"http://h:1/rpc","protocolVersion":"0.3.0","capabilities":{"streaming":true}}"#)
    ),
    (
        "a2a-1.0",
        peer(
            #"{"supportedInterfaces":[{"url":"http://h:1/rpc/","protocolBinding":"JSONRPC","protocolVersion":"1.0"}],"capabilities":{"streaming":true}}"#
        )
    ),
]

private let contentTypes = ["text/event-stream", "application/json; charset=utf-8", "text/plain", nil]

private func turn(isStreaming: Bool) -> AgentTurn {
    AgentTurn(
        id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), platform: PlatformName("telegram"),
        event: InboundEvent(
            id: EventID("1"), kind: .text, disposition: .answer, place: .init(conversation: ConversationID("1")),
            sender: nil, messageID: nil, text: "hi"),
        text: "hi", isStreaming: isStreaming)
}

/// Decodes a response whole, byte by byte and in pieces whose sizes come from the input: all say the same.
///
/// What stands between two bytes 0xFF are the responses to what a decoder asks for next, as A2A's do.
private func fuzz(_ agent: any Agent, _ bytes: [UInt8]) {
    let choice = bytes.reduce(0) { $0 &* 31 &+ Int($1) }
    let contentType = contentTypes[(choice & 3)]
    // One in eight is a refusal.
    let status = choice >> 2 & 7 == 0 ? [400, 401, 404, 429, 500, 503][(choice >> 5 & 0xFF) % 6] : 200
    for isStreaming in [true, false] {
        let turn = turn(isStreaming: isStreaming)
        func events(_ size: (Int) -> Int) -> [AgentEvent] {
            decode(bytes, by: agent, turn, status, contentType, size)
        }
        let whole = events { _ in bytes.count }
        check(whole)
        let single = events { _ in 1 }
        promise(joined(single) == joined(whole), "byte by byte: \(joined(single)), whole: \(joined(whole))")
        let pieces = events { Int(bytes[$0] & 31) }
        promise(joined(pieces) == joined(whole), "in pieces: \(joined(pieces)), whole: \(joined(whole))")
    }
}

private func decode(
    _ bytes: [UInt8], by agent: any Agent, _ turn: AgentTurn, _ status: Int, _ contentType: String?,
    _ size: (Int) -> Int
) -> [AgentEvent] {
    guard case .request(_, var decoder) = agent.ask(turn) else { fatalError("it asks nobody") }
    var events: [AgentEvent] = []
    var responses = bytes.split(separator: 0xFF, omittingEmptySubsequences: false)[...]
    var rounds = 0
    while let response = responses.popFirst() {
        var headers = HTTPFields()
        headers["Content-Type"] = contentType
        decoder.begin(OutboundResponse(status: HTTPStatus(status), headers: headers))
        var rest = response
        while let start = rest.indices.first {
            // A size of zero is an empty piece, which means nothing.
            let count = min(size(start), rest.count)
            events += decoder.decode(Array(rest.prefix(count)))
            events += count == 0 ? decoder.decode(Array(rest.prefix(1))) : []
            rest = rest.dropFirst(max(1, count))
        }
        events += decoder.end()
        guard let next = decoder.continuation() else { break }
        promise(next.delay >= .zero, "a pause before now")
        rounds += 1
        reach["continued", default: 0] += 1
    }
    return events
}

private func check(_ events: [AgentEvent]) {
    for (index, event) in events.enumerated() {
        switch event {
        case .text(let text):
            reach["text", default: 0] += 1
            promise(!text.isEmpty, "a text of nothing")
        case .attachment: reach["attachment", default: 0] += 1
        case .finished:
            reach["finished", default: 0] += 1
            promise(index == events.count - 1, "something behind the end")
        case .failed(let failure):
            reach["failed", default: 0] += 1
            promise(index == events.count - 1, "something behind the end")
            promise(!failure.message.isEmpty, "a failure without words")
        }
    }
}

/// The events, with texts that follow one another as one.
private func joined(_ events: [AgentEvent]) -> [AgentEvent] {
    var result: [AgentEvent] = []
    for event in events {
        if case .text(let text) = event, case .text(let before)? = result.last {
            result[result.count - 1] = .text(before + text)
        } else {
            result.append(event)
        }
    }
    return result
}
