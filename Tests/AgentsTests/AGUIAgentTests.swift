import Agents
import BridgeCore
import HTTPCore
import JSON
import Testing

struct AGUIAgentTests {
    private static let agent = AGUIAgent(
        configuration: HTTPAgentConfiguration(
            url: "https://example.org/run/", headers: ["Authorization": "Bearer abcdefgh"]))

    private static func decoder() throws -> any AgentDecoder { try asked(agent, turn()).decoder }

    @Test func `a run is asked for with the whole conversation, and with what is known of the message`() throws {
        let history = [AgentTurn.Message(id: "m1", role: .user, text: "1"), .init(role: .assistant, text: "2")]
        let (request, _) = try asked(AGUIAgentTests.agent, turn("3", thread: "7", history: history))
        #expect(request.url == "https://example.org/run/")
        #expect(request.headers["accept"] == "text/event-stream")
        #expect(request.headers["authorization"] == "Bearer abcdefgh")
        let body = try JSONView(parsing: request.body)
        #expect(body["threadId"].string == "telegram:-100:7")
        #expect(body["runId"].string == "01990000-0000-7000-8000-000000000001")
        #expect(body["messages"].elements.map { $0["role"].string } == ["user", "assistant", "user"])
        #expect(body["messages"].elements.map { $0["content"].string } == ["1", "2", "3"])
        let ids = body["messages"].elements.compactMap { $0["id"].string }
        #expect(ids.first == "m1" && ids.last == body["runId"].string && Set(ids).count == 3)
        #expect(body["tools"].kind == .array && body["state"].kind == .object)
        let context = body["context"].elements.map { [$0["description"].string, $0["value"].string] }
        #expect(context.contains(["platform", "telegram"]) && context.contains(["user_name", "Ada"]))
        #expect(body["forwardedProps"]["thread"].string == "7")
    }

    private static func content(_ delta: String, _ id: String = "m1", more: String = "") -> String {
        #"{"type":"TEXT_MESSAGE_CONTENT","messageId":"\#(id)","delta":"\#(delta)"\#(more)}"#
    }

    private static func start(_ id: String = "m1", role: String = "assistant") -> String {
        #"{"type":"TEXT_MESSAGE_START","messageId":"\#(id)","role":"\#(role)"}"#
    }

    private static let started = #"{"type":"RUN_STARTED","threadId":"t","runId":"r1","timestamp":1}"#
    private static let finished = #"{"type":"RUN_FINISHED","threadId":"t","runId":"r1"}"#

    private static let conversation = [
        started, #"{"type":"STEP_STARTED","stepName":"think"}"#,
        #"{"type":"REASONING_MESSAGE_CONTENT","messageId":"x","delta":"hm"}"#, start(), content("Grü"), content("ße"),
        #"{"type":"TEXT_MESSAGE_END","messageId":"m1"}"#,
        #"{"type":"TOOL_CALL_START","toolCallId":"c1","toolCallName":"weather"}"#,
        #"{"type":"TOOL_CALL_RESULT","messageId":"t1","toolCallId":"c1","content":"rain"}"#,
        #"{"type":"SOMETHING_NEW","delta":"x"}"#, start("m0", role: "user"), content("not mine", "m0"),
        #"{"type":"TEXT_MESSAGE_CHUNK","messageId":"m2","role":"assistant","delta":"😀"}"#,
        #"{"type":"TEXT_MESSAGE_CHUNK","delta":"!"}"#,
        content("a subagent", "m3", more: #","subagentRunId":"s1""#),
        #"{"type":"RUN_FINISHED","threadId":"t","runId":"r1","usage":[{"inputTokens":4,"outputTokens":1},{"inputTokens":5}]}"#,
    ]

    @Test(arguments: [
        (conversation.map { "data: \($0)\n\n" }.joined(), "as the encoder sends it"),
        (conversation.map { ": ping\r\nevent: message\r\ndata: \($0)\r\n\r\n" }.joined(), "with CRLF and comments"),
    ])
    func `the messages of a run are the paragraphs of the answer`(stream: String, meaning: String) throws {
        let receipt = AgentReceipt(requestID: "r1", inputTokens: 9, outputTokens: 1, messageID: "m1")
        expectSameHoweverCut(
            Array(stream.utf8), [.text("Grü"), .text("ße"), .text("\n\n😀"), .text("!"), .finished(receipt)],
            with: try AGUIAgentTests.decoder(), contentType: "text/event-stream")
    }

    @Test(
        arguments: [
            (
                [
                    #"{"type":"MESSAGES_SNAPSHOT","messages":[{"role":"assistant","content":"old"},{"role":"user","content":"hi"},{"role":"assistant","content":"Hello"},{"role":"assistant","content":"there"}]}"#,
                    finished,
                ], "Hello\n\nthere", "a snapshot alone"
            ),
            ([content("Hello", more: #","subagentRunId":"s1""#), finished], "Hello", "a subagent alone"),
            (
                [
                    #"{"type":"RUN_FINISHED","runId":"r1","outcome":{"type":"interrupt","interrupts":[{"id":"i","reason":"input","message":"Which city?"}]}}"#
                ], "Which city?", "a question back"
            ),
            ([start(), content("Hello")], "Hello", "a stream that forgets its end"),
        ] as [([String], String, String)])
    func `where the run says nothing itself, the answer is`(events: [String], expected: String, meaning: String) throws
    {
        let stream = ([AGUIAgentTests.started] + events).map { "data: \($0)\n\n" }.joined()
        let events = decode(stream, with: try AGUIAgentTests.decoder())
        #expect(outcome(events).text == expected && failure(events) == nil)
    }

    @Test(
        arguments: [
            (
                #"data: {"type":"RUN_ERROR","message":"out of tokens","code":"limit"}"# + "\n\n",
                AgentFailure(.error, "out of tokens"), "an error of the run"
            ),
            ("data: \(finished)\n\n", AgentFailure(.malformed, "empty answer"), "a run without words"),
            (
                #"data: {"type":"RUN_FINISHED","outcome":{"type":"interrupt","interrupts":[{"id":"i","reason":"tool"}]}}"#
                    + "\n\n",
                AgentFailure(.suspended, "the agent waits for something that nobody here can give"), "an interrupt"
            ),
            (
                #"data: {"type":"RUN_FINISHED","outcome":{"type":"cancelled"}}"# + "\n\n",
                AgentFailure(.error, "the run was cancelled"), "a cancelled run"
            ),
            (#"{"detail":"no such agent"}"#, AgentFailure(.error, "no such agent"), "an error without a stream"),
            (
                #"{"text":"hi"}"#,
                AgentFailure(.malformed, "the response is no stream of events; is it an AG-UI agent?"), "another server"
            ),
            ("<html>", AgentFailure(.malformed, "HTML instead of an answer; is AGENT_URL right?"), "a web page"),
            ("data: {\"type\":\n\n", AgentFailure(.malformed, "an event of the stream is not JSON"), "half an event"),
        ] as [(String, AgentFailure, String)])
    func `a run without an answer fails for what it says instead`(
        body: String, expected: AgentFailure, meaning: String
    ) throws {
        expectSameHoweverCut(Array(body.utf8), [.failed(expected)], with: try AGUIAgentTests.decoder())
    }

    @Test func `an error after some words ends the answer`() throws {
        let stream =
            "data: \(AGUIAgentTests.content("Hel"))\n\n"
            + "data: {\"type\":\"RUN_ERROR\",\"message\":\"gone\"}\n\ndata: \(AGUIAgentTests.content("lo"))\n\n"
        let events = decode(stream, with: try AGUIAgentTests.decoder())
        #expect(events == [.text("Hel"), .failed(AgentFailure(.error, "gone"))])
    }
}
