import BridgeCore
import HTTPCore
import Testing

@testable import Agents

/// What every agent's decoder does with answers that no agent should send.
struct AnswerLimitTests {
    private static let mastra = MastraAgent(
        configuration: MastraConfiguration(endpoint: "http://localhost/api", agentID: "a"))
    private static let openAI = OpenAIAgent(configuration: OpenAIConfiguration(model: "m"))
    private static let http = HTTPAgent(configuration: HTTPAgentConfiguration(url: "http://localhost"))
    private static let agui = AGUIAgent(configuration: HTTPAgentConfiguration(url: "http://localhost"))
    private static let responses = ResponsesAgent(configuration: OpenAIConfiguration(model: "m"))
    private static let a2a = A2APeer(
        interface: A2AInterface(binding: .jsonRPC10, url: "http://localhost", tenant: nil, isStreaming: true),
        endpoint: AgentEndpoint(base: "http://localhost", apiKey: nil, extra: [:]), takesImages: true)
    private static let all: [any Agent] = [mastra, openAI, responses, a2a, agui, http]

    /// Feeds the same chunk until the decoder gives up or a gigabyte has passed.
    private static func drown(_ decoder: any AgentDecoder, start: String, in chunk: String, type: String? = nil)
        -> (events: [AgentEvent], bytes: Int)
    {
        var decoder = decoder
        var headers = HTTPFields()
        headers["content-type"] = type
        decoder.begin(OutboundResponse(status: .ok, headers: headers))
        var events = decoder.decode(Array(start.utf8))
        let bytes = Array(chunk.utf8)
        var count = 0
        while count < 1 << 30, failure(events) == nil {
            events += decoder.decode(bytes)
            count += bytes.count
        }
        return (events, count)
    }

    @Test func `an endless body is given up at its limit`() throws {
        let chunk = String(repeating: "x", count: 65_536)
        for agent in AnswerLimitTests.all {
            let decoder = try asked(agent, turn()).decoder
            let (events, count) = AnswerLimitTests.drown(decoder, start: #"{"text":""#, in: chunk)
            #expect(failure(events)?.kind == .tooLarge)
            #expect(count <= 10 << 20)
        }
    }

    @Test func `an endless line of a stream is given up at its limit`() throws {
        let chunk = String(repeating: "x", count: 65_536)
        for agent in AnswerLimitTests.all {
            let decoder = try asked(agent, turn(isStreaming: true)).decoder
            let (events, count) = AnswerLimitTests.drown(
                decoder, start: "data: ", in: chunk, type: "text/event-stream")
            #expect(failure(events)?.kind == .tooLarge)
            #expect(count <= 10 << 20)
        }
    }

    @Test func `an endless answer is given up at its limit`() throws {
        let words = String(repeating: "word ", count: 10_000)
        let decoder = try asked(AnswerLimitTests.http, turn(isStreaming: true)).decoder
        let (events, _) = AnswerLimitTests.drown(
            decoder, start: "", in: "data: {\"delta\":\"\(words)\"}\n\n", type: "text/event-stream")
        #expect(failure(events)?.kind == .tooLarge)
        #expect(outcome(events).text.utf8.count <= 4 << 20)
    }

    @Test func `a large error is read in part and told in at most 200 characters`() throws {
        let decoder = try asked(AnswerLimitTests.mastra, turn()).decoder
        let body = "{\"error\":\"" + String(repeating: "long words ", count: 1000) + "\"}"
        let message = try #require(failure(decode(body, with: decoder, status: 500))?.message)
        #expect(message.hasPrefix("HTTP 500: long words long") && message.hasSuffix("…"))
        #expect(message.count <= 200 + "HTTP 500: ".count)
        let huge = [UInt8](repeating: UInt8(ascii: "x"), count: 10 << 20)
        #expect(
            decode([huge], with: decoder, status: 502) == [.failed(AgentFailure(.error, "HTTP 502 Bad Gateway"))])
    }

    @Test func `bytes that are not UTF-8 become replacement characters and cost nothing else`() throws {
        let head = Array(#"{"text":"a"#.utf8)
        let body = head + [0xC3, 0x28, 0xFF] + Array(#"b"}"#.utf8)
        expectSameHoweverCut(
            body, [.text("a\u{FFFD}(\u{FFFD}b"), .finished(AgentReceipt())],
            with: try asked(AnswerLimitTests.http, turn()).decoder, contentType: "application/json")
        let event = Array("data: ".utf8) + Array(#"{"delta":""#.utf8) + [0xED, 0xA0, 0x80] + Array("x\"}\n\n".utf8)
        let events = decode(
            [event], with: try asked(AnswerLimitTests.http, turn()).decoder, contentType: "text/event-stream")
        #expect(outcome(events).text.hasSuffix("x"))
    }

    @Test func `half a surrogate pair becomes a replacement character`() throws {
        let body = #"{"text":"a\ud83d b \ude00"}"#
        let events = decode(body, with: try asked(AnswerLimitTests.http, turn()).decoder)
        #expect(events.first == .text("a\u{FFFD} b \u{FFFD}"))
    }

    @Test func `an echo says what the user said`() throws {
        guard case .immediate(let events) = EchoAgent().ask(turn("hi")) else {
            Issue.record("an echo asks nobody")
            return
        }
        #expect(events == [.text("hi"), .finished(AgentReceipt(finishReason: "stop"))])
    }
}
