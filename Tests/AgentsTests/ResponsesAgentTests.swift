import Agents
import BridgeCore
import HTTPCore
import JSON
import Testing

struct ResponsesAgentTests {
    private static func agent(instructions: String? = nil) -> ResponsesAgent {
        ResponsesAgent(
            configuration: OpenAIConfiguration(
                baseURL: "http://localhost:4000/v1/", model: "gpt", apiKey: "sk-0123456789",
                instructions: instructions))
    }

    private static func decoder(isStreaming: Bool = true) throws -> any AgentDecoder {
        try asked(agent(), turn(isStreaming: isStreaming)).decoder
    }

    @Test func `a turn is posted with the instructions, the history as items, and what is known of the message`() throws
    {
        let history = [AgentTurn.Message(role: .user, text: "1"), .init(role: .assistant, text: "2")]
        let (request, _) = try asked(
            ResponsesAgentTests.agent(instructions: "Be brief."),
            turn("3", thread: "7", metadata: ["language": "de"], history: history))
        #expect(request.url == "http://localhost:4000/v1/responses")
        #expect(request.headers["authorization"] == "Bearer sk-0123456789")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"model":"gpt","instructions":"Be brief.","input":[{"role":"user","content":"1"},"#
                + #"{"role":"assistant","content":"2"},{"role":"user","content":"3"}],"stream":false,"#
                + #""metadata":{"platform":"telegram","account":"default","conversation":"-100","thread":"7","user":"42","#
                + #""user_name":"Ada","message_id":"01990000-0000-7000-8000-000000000001","language":"de"},"#
                + #""user":"telegram:42"}"#)
    }

    @Test func `a value too long for metadata is cut so that different ones stay different`() throws {
        let name = String(repeating: "é", count: 600)
        let sender = InboundEvent.Sender(id: PlatformUserID("1"), name: name)
        let other = InboundEvent.Sender(id: PlatformUserID("1"), name: name + "x")
        let values = try [sender, other].map {
            let body = try JSONView(parsing: asked(ResponsesAgentTests.agent(), turn(sender: $0)).request.body)
            return try #require(body["metadata"]["user_name"].string)
        }
        #expect(values.allSatisfy { $0.unicodeScalars.count <= 512 })
        #expect(values[0] != values[1])
    }

    private static let receipt = AgentReceipt(
        requestID: "resp_1", finishReason: "completed", inputTokens: 9, outputTokens: 4)

    private static func response(_ output: String, status: String = "completed", more: String = "") -> String {
        #"{"id":"resp_1","object":"response","status":"\#(status)","error":null,"incomplete_details":null,"#
            + #""output":[\#(output)],"usage":{"input_tokens":9,"output_tokens":4}\#(more)}"#
    }

    private static func message(_ texts: String...) -> String {
        let parts = texts.map { #"{"type":"output_text","text":"\#($0)","annotations":[]}"# }.joined(separator: ",")
        return #"{"type":"message","role":"assistant","content":[\#(parts)]}"#
    }

    @Test func `a response is the text of its messages and its receipt`() throws {
        let body = ResponsesAgentTests.response(
            #"{"type":"reasoning","summary":[]},"# + ResponsesAgentTests.message("Grüße", "😀"))
        for isStreaming in [false, true] {
            expectSameHoweverCut(
                Array(body.utf8), [.text("Grüße"), .text("\n\n😀"), .finished(ResponsesAgentTests.receipt)],
                with: try ResponsesAgentTests.decoder(isStreaming: isStreaming))
        }
    }

    private static func delta(_ text: String, output: Int = 0) -> String {
        #"{"type":"response.output_text.delta","output_index":\#(output),"content_index":0,"delta":"\#(text)"}"#
    }

    private static let conversation = [
        #"{"type":"response.created","response":{"id":"resp_1","status":"in_progress"},"sequence_number":0}"#,
        #"{"type":"response.reasoning_summary_text.delta","delta":"hm"}"#,
        delta("Grü"), delta("ße"), #"{"type":"response.output_text.done","output_index":0,"text":"Grüße"}"#,
        delta("😀", output: 1), #"{"type":"response.something_new","delta":"x"}"#,
        #"{"type":"response.completed","response":\#(response(message("Grüße") + "," + message("😀")))}"#,
    ]

    @Test(arguments: [
        (conversation.map { "event: x\ndata: \($0)\n\n" }.joined(), "as OpenAI sends it"),
        (
            ": hello\r\n\r\n" + conversation.map { "data:\($0)\r\n\r\n: ping\r\n" }.joined() + "data: [DONE]\r\n\r\n",
            "with CRLF, comments and DONE"
        ),
        (conversation.map { "data: \($0)\n" }.joined(), "without blank lines"),
    ])
    func `a stream is its deltas and the receipt of the response with which it ends`(stream: String, meaning: String)
        throws
    {
        expectSameHoweverCut(
            Array(stream.utf8),
            [.text("Grü"), .text("ße"), .text("\n\n😀"), .finished(ResponsesAgentTests.receipt)],
            with: try ResponsesAgentTests.decoder(), contentType: "text/event-stream")
    }

    @Test(arguments: [
        ([#"{"type":"response.output_text.done","text":"Hello"}"#], "the finished text alone"),
        ([#"{"type":"response.completed","response":\#(response(message("Hello")))}"#], "the response alone"),
    ])
    func `a stream without deltas is what it tells in whole`(events: [String], meaning: String) throws {
        let stream = events.map { "data: \($0)\n\n" }.joined()
        let events = decode(stream, with: try ResponsesAgentTests.decoder())
        #expect(outcome(events).text == "Hello" && failure(events) == nil)
    }

    @Test(
        arguments: [
            (
                #"{"type":"error","code":"ERR","message":"overloaded","param":null}"#,
                AgentFailure(.error, "overloaded"), "an error event"
            ),
            (#"{"type":"error","error":{"message":"overloaded"}}"#, AgentFailure(.error, "overloaded"), "nested"),
            (#"{"error":{"message":"bad key sk-0123456789"}}"#, AgentFailure(.error, "bad key [redacted]"), "bare"),
            (
                #"{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"down"}}}"#,
                AgentFailure(.error, "down", requestID: "resp_1"), "a failed response"
            ),
            (
                #"{"type":"response.incomplete","response":{"id":"resp_1","status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]}}"#,
                AgentFailure(.refused, "the answer was filtered", requestID: "resp_1"), "a filter"
            ),
            (
                #"{"type":"response.incomplete","response":{"id":"resp_1","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}}"#,
                AgentFailure(.malformed, "empty answer (finish reason max_output_tokens)", requestID: "resp_1"),
                "a limit before the first word"
            ),
            (
                #"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[{"type":"function_call"}]}}"#,
                AgentFailure(.malformed, "the model calls a tool, though it was given none", requestID: "resp_1"),
                "a tool call"
            ),
            (
                #"{"type":"response.out"#, AgentFailure(.malformed, "an event of the stream is not JSON"),
                "half an event"
            ),
        ] as [(String, AgentFailure, String)])
    func `an error inside a stream is a failure`(event: String, expected: AgentFailure, meaning: String) throws {
        expectSameHoweverCut(
            Array("data: \(event)\n\n".utf8), [.failed(expected)], with: try ResponsesAgentTests.decoder(),
            contentType: "text/event-stream")
    }

    @Test func `words before a limit are the answer, and a refusal in the model's own words too`() throws {
        let stream =
            "data: \(ResponsesAgentTests.delta("Hel"))\n\n"
            + #"data: {"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#
        #expect(
            decode(stream, with: try ResponsesAgentTests.decoder())
                == [.text("Hel"), .finished(AgentReceipt(finishReason: "max_output_tokens"))])
        let refusal = ResponsesAgentTests.response(
            #"{"type":"message","content":[{"type":"refusal","refusal":"I'd rather not."}]}"#)
        #expect(outcome(decode(refusal, with: try ResponsesAgentTests.decoder())).text == "I'd rather not.")
    }

    @Test(
        arguments: [
            (#"{"status":"failed","error":{"message":"down"},"output":[]}"#, AgentFailure(.error, "down")),
            (
                #"{"choices":[]}"#,
                AgentFailure(.malformed, "the response has no output; is it a Responses server?")
            ),
            ("<html>", AgentFailure(.malformed, "HTML instead of an answer; is the base URL right?")),
            ("", AgentFailure(.malformed, "empty answer")),
            (#"{"status":"completed","outp"#, AgentFailure(.malformed, "the response is not a JSON object")),
        ] as [(String, AgentFailure)])
    func `a response without words fails for what it says instead`(body: String, expected: AgentFailure) throws {
        expectSameHoweverCut(
            Array(body.utf8), [.failed(expected)], with: try ResponsesAgentTests.decoder(isStreaming: false))
    }
}
