import BridgeCore
import HTTPCore
import Testing

@testable import Agents

/// Answers that are damaged in every way that comes by chance: each must mean the same however it is cut, and have one end.
struct HostileAgentTests {
    /// A generator whose numbers are the same in each run (SplitMix64), so that a failure can be repeated by its seed.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    struct Victim: Sendable, CustomTestStringConvertible {
        let agent: any Agent
        let answers: [String]
        var testDescription: String { agent.name }
    }

    private static let there = HTTPAgentConfiguration(url: "http://h")
    private static let model = OpenAIConfiguration(model: "m")

    private static func events(_ objects: [String]) -> String { objects.map { "data: \($0)\n\n" }.joined() }

    static let victims: [Victim] = [
        Victim(
            agent: MastraAgent(configuration: MastraConfiguration(endpoint: "http://h", agentID: "a")),
            answers: [
                events([
                    #"{"type":"start","runId":"r"}"#, #"{"type":"text-delta","payload":{"text":"Grüße 😀"}}"#,
                    #"{"type":"text-delta","payload":{"text":" again"}}"#,
                    #"{"type":"finish","payload":{"stepResult":{"reason":"stop"}}}"#,
                ]) + "data: [DONE]\n\n", #"{"text":"Grüße 😀","runId":"r","finishReason":"stop","files":[]}"#,
            ]),
        Victim(
            agent: OpenAIAgent(configuration: model),
            answers: [
                events([
                    #"{"id":"c","choices":[{"index":0,"delta":{"content":"Grüße "}}]}"#,
                    #"{"id":"c","choices":[{"index":0,"delta":{"content":"😀"},"finish_reason":"stop"}]}"#,
                    #"{"id":"c","choices":[],"usage":{"prompt_tokens":1}}"#,
                ]) + "data: [DONE]\n\n",
                #"{"id":"c","choices":[{"message":{"content":"Grüße 😀"},"finish_reason":"stop"}]}"#,
            ]),
        Victim(
            agent: ResponsesAgent(configuration: model),
            answers: [
                events([
                    #"{"type":"response.created","response":{"id":"r"}}"#,
                    #"{"type":"response.output_text.delta","output_index":0,"delta":"Grüße "}"#,
                    #"{"type":"response.output_text.delta","output_index":1,"delta":"😀"}"#,
                    #"{"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}"#,
                ]),
                #"{"id":"r","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"😀"}]}]}"#,
            ]),
        Victim(
            agent: A2APeer(
                interface: A2AInterface(binding: .jsonRPC03, url: "http://h", tenant: nil, isStreaming: true),
                endpoint: AgentEndpoint(base: "http://h", apiKey: nil, extra: [:]), takesImages: true),
            answers: [
                events([
                    #"{"result":{"kind":"task","id":"t","status":{"state":"working"}}}"#,
                    #"{"result":{"kind":"artifact-update","taskId":"t","artifact":{"artifactId":"a","parts":[{"text":"Grüße "}]}}}"#,
                    #"{"result":{"kind":"artifact-update","taskId":"t","append":true,"artifact":{"artifactId":"a","parts":[{"text":"😀"}]}}}"#,
                    #"{"result":{"kind":"status-update","taskId":"t","status":{"state":"completed"}}}"#,
                ]), #"{"result":{"message":{"messageId":"m","parts":[{"text":"Grüße 😀"}]}}}"#,
            ]),
        Victim(
            agent: AGUIAgent(configuration: there),
            answers: [
                events([
                    #"{"type":"RUN_STARTED","runId":"r"}"#,
                    #"{"type":"TEXT_MESSAGE_START","messageId":"m","role":"assistant"}"#,
                    #"{"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"Grüße "}"#,
                    #"{"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"😀"}"#,
                    #"{"type":"RUN_FINISHED","runId":"r"}"#,
                ])
            ]),
        Victim(
            agent: HTTPAgent(configuration: there),
            answers: [
                events([#"{"delta":"Grüße "}"#, #"{"delta":"😀"}"#]) + "data: [DONE]\n\n", #"{"text":"Grüße 😀"}"#,
            ]),
    ]

    @Test(arguments: victims)
    func `a damaged answer means the same however it is cut, and has one end`(victim: Victim) throws {
        let decoder = try asked(victim.agent, turn(isStreaming: true)).decoder
        for seed in 0..<400 as Range<UInt64> {
            var dice = Dice(state: seed)
            let answer = victim.answers[Int(seed) % victim.answers.count]
            let type = answer.hasPrefix("data") ? "text/event-stream" : "application/json"
            let body = HostileAgentTests.damage(Array(answer.utf8), &dice)
            let whole = HostileAgentTests.decode([body], with: decoder, type: type)
            let cut = HostileAgentTests.decode(HostileAgentTests.cut(body, &dice), with: decoder, type: type)
            #expect(whole.events == cut.events, "seed \(seed)")
            #expect(whole.isOpen == cut.isOpen, "seed \(seed)")
            let ends = whole.events.count { event in
                switch event {
                case .finished, .failed: true
                case .text, .attachment: false
                }
            }
            #expect(ends == (whole.isOpen ? 0 : 1), "seed \(seed)")
        }
    }

    @Test func `a failure always has words, although the agent gives none that can be read`() throws {
        let silent = AgentFailure(.error, "the agent does not say why")
        let agents: [any Agent] = [
            HTTPAgent(configuration: Self.there), OpenAIAgent(configuration: Self.model),
            MastraAgent(configuration: MastraConfiguration(endpoint: "http://h", agentID: "a")),
        ]
        for agent in agents {
            let decoder = try asked(agent, turn()).decoder
            #expect(failure(AgentsTests.decode(#"{"error":"\u0000"}"#, with: decoder)) == silent, "\(agent.name)")
        }
    }

    @Test(arguments: victims)
    func `an answer is the same with comments, CRLF and other fields between its events`(victim: Victim) throws {
        let decoder = try asked(victim.agent, turn(isStreaming: true)).decoder
        let plain = victim.answers[0]
        let expected = HostileAgentTests.decode([Array(plain.utf8)], with: decoder, type: "text/event-stream")
        #expect(outcome(expected.events).text.contains("Grüße") && failure(expected.events) == nil)
        let noisy =
            "\u{FEFF}: hello\r\n\r\n"
            + plain.replacing("data: ", with: "id: 7\r\nretry: 10\r\n:\r\ndata:").replacing(
                "\n\n", with: "\r\n\r\n: ping\r\n")
        expectSameHoweverCut(
            Array(noisy.utf8), expected.events, with: decoder, contentType: "text/event-stream; charset=utf-8")
    }

    @Test(arguments: victims)
    func `an answer nested deeper than any stack has one end`(victim: Victim) throws {
        let bombs = [
            String(repeating: "[", count: 1 << 20), String(repeating: #"{"a":"#, count: 100_000),
            #"{"type":"# + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000) + "}",
        ]
        for bomb in bombs {
            for (type, body) in [("application/json", bomb), ("text/event-stream", "data: \(bomb)\n\n")] {
                let decoder = try asked(victim.agent, turn(isStreaming: true)).decoder
                let result = HostileAgentTests.decode([Array(body.utf8)], with: decoder, type: type)
                let ends = result.events.filter {
                    switch $0 {
                    case .failed, .finished: true
                    default: false
                    }
                }
                #expect(ends.count <= 1, "\(type)")
            }
        }
    }

    @Test(arguments: victims)
    func `an error page, an empty answer and a status are failures of every agent`(victim: Victim) throws {
        let decoder = try asked(victim.agent, turn(isStreaming: true)).decoder
        for (body, status) in [("<html>502</html>", 200), ("", 200), ("{\"error\":\"busy\"}", 503), ("data: {", 200)] {
            let events = AgentsTests.decode(
                body, with: decoder, status: status, contentType: "text/event-stream")
            #expect(failure(events) != nil && events.count == 1, "\(body)")
        }
    }

    private static func decode(_ chunks: [[UInt8]], with decoder: any AgentDecoder, type: String)
        -> (events: [AgentEvent], isOpen: Bool)
    {
        var decoder = decoder
        decoder.begin(OutboundResponse(status: .ok, headers: ["Content-Type": type]))
        var events: [AgentEvent] = []
        for chunk in chunks { events += decoder.decode(chunk) }
        events += decoder.end()
        let next = decoder.continuation()
        return (events, next != nil)
    }

    /// Some bytes changed, taken out, repeated or put in, or the end cut off.
    private static func damage(_ body: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var body = body
        for _ in 0..<Int.random(in: 0...4, using: &dice) where !body.isEmpty {
            let start = Int.random(in: 0..<body.count, using: &dice)
            let end = min(body.count, start + Int.random(in: 1...12, using: &dice))
            switch Int.random(in: 0..<6, using: &dice) {
            case 0: body[start] = UInt8.random(in: 0...255, using: &dice)
            case 1: body.removeSubrange(start..<end)
            case 2: body.insert(contentsOf: body[start..<end], at: start)
            case 3:
                let noise = ["\n", "\r", "\r\n\r\n", "\u{1E}", ": c\n", "}"].randomElement(using: &dice) ?? ""
                body.insert(contentsOf: Array(noise.utf8), at: start)
            case 4: body.removeSubrange(end...)
            default: body.insert(contentsOf: Array("data: {\"error\":\"x\"}\n\n".utf8), at: start)
            }
        }
        return body
    }

    private static func cut(_ body: [UInt8], _ dice: inout Dice) -> [[UInt8]] {
        var chunks: [[UInt8]] = []
        var start = 0
        while start < body.count {
            let end = min(body.count, start + Int.random(in: 1...9, using: &dice))
            chunks.append(Array(body[start..<end]))
            start = end
        }
        return chunks
    }
}
