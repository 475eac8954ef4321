import Agents
import BridgeCore
import HTTPCore
import JSON
import Testing

struct OpenAIAgentTests {
    private static func agent(instructions: String? = nil) -> OpenAIAgent {
        OpenAIAgent(
            configuration: OpenAIConfiguration(
                baseURL: "http://localhost:11434/v1", model: "llama", apiKey: "sk-0123456789",
                instructions: instructions))
    }

    private static func decoder(isStreaming: Bool) throws -> any AgentDecoder {
        try asked(agent(), turn(isStreaming: isStreaming)).decoder
    }

    @Test func `a turn is posted with the instructions and the history before it`() throws {
        let history = [AgentTurn.Message(role: .user, text: "1"), .init(role: .assistant, text: "2")]
        let (request, _) = try asked(
            OpenAIAgentTests.agent(instructions: "Be brief."), turn("3", history: history))
        #expect(request.url == "http://localhost:11434/v1/chat/completions")
        #expect(request.headers["authorization"] == "Bearer sk-0123456789")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"model":"llama","messages":[{"role":"system","content":"Be brief."},"#
                + #"{"role":"user","content":"1"},{"role":"assistant","content":"2"},{"role":"user","content":"3"}],"#
                + #""stream":false,"user":"telegram:42"}"#)
    }

    @Test func `a stream is asked for with its usage, and a long user name is cut to what OpenAI takes`() throws {
        let long = String(repeating: "é", count: 200)
        let (request, _) = try asked(
            OpenAIAgentTests.agent(), turn(sender: .init(id: PlatformUserID(long)), isStreaming: true))
        let body = try JSONView(parsing: request.body)
        #expect(body["stream"].bool == true)
        #expect(body["stream_options"]["include_usage"].bool == true)
        #expect(body["messages"].count == 1)
        let user = try #require(body["user"].string)
        #expect(user.unicodeScalars.count <= 64 && user.hasPrefix("telegram:éé"))
        let other = try asked(OpenAIAgentTests.agent(), turn(sender: .init(id: PlatformUserID(long + "x"))))
        #expect(try JSONView(parsing: other.request.body)["user"].string != user, "different users stay different")
    }

    private static let receipt = AgentReceipt(
        requestID: "chatcmpl-1", finishReason: "stop", inputTokens: 9, outputTokens: 4)

    @Test(arguments: [
        (#""Hello""#, ["Hello"], "a text"),
        (
            #"[{"type":"text","text":"Hel"},{"type":"thinking","thinking":"x"},{"type":"text","text":"lo"}]"#,
            ["Hel", "lo"], "parts"
        ),
    ])
    func `a completion is its content and its receipt`(content: String, texts: [String], meaning: String) throws {
        let body = """
            {"id":"chatcmpl-1","choices":[{"index":0,"message":{"role":"assistant","content":\(content),
            "refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4}}
            """
        expectSameHoweverCut(
            Array(body.utf8), texts.map { .text($0) } + [.finished(OpenAIAgentTests.receipt)],
            with: try OpenAIAgentTests.decoder(isStreaming: false))
    }

    @Test(
        arguments: [
            (
                #"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"1"}]},"finish_reason":"tool_calls"}]}"#,
                AgentFailure(.malformed, "the model calls a tool, though it was given none")
            ),
            (
                #"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#,
                AgentFailure(.refused, "the answer was filtered")
            ),
            (
                #"{"choices":[{"message":{"content":""},"finish_reason":"length"}]}"#,
                AgentFailure(.malformed, "empty answer (finish reason length)")
            ),
            (#"{"choices":[]}"#, AgentFailure(.malformed, "empty answer")),
            (
                #"{"text":"hi"}"#,
                AgentFailure(.malformed, "the response has no choices; is it a Chat Completions server?")
            ),
            (#"{"error":{"message":"bad key sk-0123456789","type":"x"}}"#, AgentFailure(.error, "bad key [redacted]")),
            (#"{"error":"model not found"}"#, AgentFailure(.error, "model not found")),
            (#"{"object":"error","message":"too long"}"#, AgentFailure(.error, "too long")),
            (#"{"choices":[{"mess"#, AgentFailure(.malformed, "the response is not a JSON object")),
            ("<html></html>", AgentFailure(.malformed, "HTML instead of an answer; is the base URL right?")),
            ("", AgentFailure(.malformed, "empty answer")),
        ] as [(String, AgentFailure)])
    func `a completion without words fails for what it says instead`(body: String, expected: AgentFailure) throws {
        for isStreaming in [false, true] {
            expectSameHoweverCut(
                Array(body.utf8), [.failed(expected)], with: try OpenAIAgentTests.decoder(isStreaming: isStreaming))
        }
    }

    @Test func `a refusal in the model's own words is the answer`() throws {
        let body = #"{"choices":[{"message":{"content":null,"refusal":"I'd rather not."},"finish_reason":"stop"}]}"#
        let events = decode(body, with: try OpenAIAgentTests.decoder(isStreaming: false))
        #expect(events == [.text("I'd rather not."), .finished(AgentReceipt(finishReason: "stop"))])
    }

    private static func chunk(_ delta: String, finish: String = "null") -> String {
        #"{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(finish)}]}"#
    }

    private static let conversation = [
        chunk(#"{"role":"assistant","content":""}"#), chunk(#"{"reasoning_content":"hm"}"#),
        chunk(#"{"reasoning":"hm","content":null}"#), chunk(#"{"content":"Grüße "}"#), chunk(#"{"content":"😀"}"#),
        #"{"id":"chatcmpl-1","choices":[{"index":1,"delta":{"content":"other"}}]}"#, chunk("{}", finish: #""stop""#),
        #"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#,
    ]

    @Test(arguments: [
        (conversation.map { "data: \($0)\n\n" }.joined() + "data: [DONE]\n\n", "as OpenAI sends it"),
        (
            ": OPENROUTER PROCESSING\n\n" + conversation.map { "data:\($0)\r\n\r\n" }.joined() + "data: [DONE]\r\n",
            "as others do"
        ),
        (conversation.map { "data: \($0)\n\n" }.joined(), "without DONE"),
        (
            conversation.map { "data: \($0)\n\ndata: ping\n\n" }.joined()
                + "data: [DONE]\n\ndata: {\"error\":\"late\"}", "with other data"
        ),
    ])
    func `a stream is its deltas, its finish reason and its usage`(stream: String, meaning: String) throws {
        expectSameHoweverCut(
            Array(stream.utf8), [.text("Grüße "), .text("😀"), .finished(OpenAIAgentTests.receipt)],
            with: try OpenAIAgentTests.decoder(isStreaming: true), contentType: "text/event-stream")
    }

    @Test(arguments: [
        ("data: {\"error\":{\"message\":\"overloaded\",\"code\":529}}\n\n", "as data"),
        ("event: error\ndata: {\"message\":\"overloaded\"}\n\n", "as an event of that name"),
    ])
    func `an error inside a stream is a failure`(error: String, meaning: String) throws {
        let stream = "data: \(OpenAIAgentTests.chunk(#"{"content":"Hel"}"#))\n\n" + error + "data: [DONE]\n\n"
        expectSameHoweverCut(
            Array(stream.utf8), [.text("Hel"), .failed(AgentFailure(.error, "overloaded", requestID: "chatcmpl-1"))],
            with: try OpenAIAgentTests.decoder(isStreaming: true))
    }

    @Test func `a server that answers a stream though none was asked for is understood`() throws {
        let stream = OpenAIAgentTests.conversation.map { "data: \($0)\n\n" }.joined()
        let events = decode(stream, with: try OpenAIAgentTests.decoder(isStreaming: false))
        #expect(outcome(events).text == "Grüße 😀")
        #expect(events.last == .finished(OpenAIAgentTests.receipt))
    }
}
