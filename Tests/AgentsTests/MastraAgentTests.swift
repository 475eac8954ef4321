import Agents
import BridgeCore
import HTTPCore
import JSON
import Testing

struct MastraAgentTests {
    private static func agent(key: String? = "secret-key-1") -> MastraAgent {
        MastraAgent(
            configuration: MastraConfiguration(
                endpoint: "http://localhost:4111/api/", agentID: "weather agent", apiKey: key,
                headers: ["X-Team": "Bearer team-token-9"]))
    }

    private static func decoder(isStreaming: Bool) throws -> any AgentDecoder {
        try asked(agent(), turn(isStreaming: isStreaming)).decoder
    }

    @Test func `a turn is posted with the memory's thread and resource and what is known of the message`() throws {
        let (request, _) = try asked(
            MastraAgentTests.agent(), turn("hi \"there\"\u{0}", thread: "7", metadata: ["language": "de"]))
        #expect(request.method == .post)
        #expect(request.url == "http://localhost:4111/api/agents/weather%20agent/generate")
        #expect(request.headers["authorization"] == "Bearer secret-key-1")
        #expect(request.headers["x-team"] == "Bearer team-token-9")
        #expect(request.headers["content-type"] == "application/json")
        let body = String(decoding: request.body, as: UTF8.self)
        #expect(
            body == #"{"messages":[{"role":"user","content":"hi \"there\"\u0000"}],"#
                + #""memory":{"thread":"telegram:-100:7","resource":"telegram:42"},"#
                + #""requestContext":{"platform":"telegram","account":"default","conversation":"-100","thread":"7","#
                + #""user":"42","user_name":"Ada","message_id":"01990000-0000-7000-8000-000000000001","language":"de"}}"#
        )
    }

    @Test func `a stream is asked for at its own path, and a missing sender is left out`() throws {
        let (request, _) = try asked(MastraAgentTests.agent(key: nil), turn(sender: nil, isStreaming: true))
        #expect(request.url.hasSuffix("/agents/weather%20agent/stream"))
        #expect(request.headers["authorization"] == nil)
        let body = try JSONView(parsing: request.body)
        #expect(body["memory"]["resource"].string == "telegram:-100")
        #expect(!body["requestContext"]["user"].exists)
    }

    @Test(arguments: [
        (#"{"text":"Hello","usage":{"inputTokens":3,"outputTokens":5},"finishReason":"stop","runId":"r1"}"#, "plain"),
        (
            #"{"runId":"r1","finishReason":"stop","text":"Hello","usage":{"promptTokens":3,"completionTokens":5}}"#,
            "v4 usage"
        ),
        (
            #"{"runId":"r1","finishReason":"stop","text":"Hello","error":null,"tripwire":false,"suspendPayload":null,"usage":{"inputTokens":1},"totalUsage":{"inputTokens":3,"outputTokens":5}}"#,
            "total usage first"
        ),
        (
            "\u{FEFF} \r\n{\"runId\":\"r1\",\"finishReason\":\"stop\",\"text\":\"Hello\",\"usage\":{\"inputTokens\":3,\"outputTokens\":5}}\n",
            "white space around"
        ),
    ])
    func `a generated answer is its text and its receipt`(body: String, meaning: String) throws {
        let receipt = AgentReceipt(requestID: "r1", finishReason: "stop", inputTokens: 3, outputTokens: 5)
        expectSameHoweverCut(
            Array(body.utf8), [.text("Hello"), .finished(receipt)],
            with: try MastraAgentTests.decoder(isStreaming: false))
    }

    @Test(
        arguments: [
            (
                #"{"text":"","error":"model is down","runId":"r"}"#,
                AgentFailure(.error, "model is down", requestID: "r")
            ),
            (#"{"text":"","error":{"message":"over  quota\n","name":"E"}}"#, AgentFailure(.error, "over quota")),
            (#"{"text":"","error":{}}"#, AgentFailure(.error, "the agent reports an error")),
            (#"{"error":"no such agent"}"#, AgentFailure(.error, "no such agent")),
            (#"{"text":"","tripwire":{"reason":"not allowed"}}"#, AgentFailure(.refused, "not allowed")),
            (#"{"text":"","tripwire":true,"tripwireReason":"PII"}"#, AgentFailure(.refused, "PII")),
            (
                #"{"text":"","suspendPayload":{"toolName":"pay"}}"#,
                AgentFailure(.suspended, "the agent waits for approval")
            ),
            (#"{"text":"","finishReason":"suspended"}"#, AgentFailure(.suspended, "the agent waits for approval")),
            (#"{"text":"","finishReason":"stop"}"#, AgentFailure(.malformed, "empty answer (finish reason stop)")),
            (#"{"text":" \n\t"}"#, AgentFailure(.malformed, "empty answer")),
            (#"{"text":null}"#, AgentFailure(.malformed, "empty answer")),
            (#"{"text":7}"#, AgentFailure(.malformed, "empty answer")),
            (#"{"hello":1}"#, AgentFailure(.malformed, "the response has no text; is it Mastra that answers?")),
            (#"{"text":"Hel"#, AgentFailure(.malformed, "the response is not a JSON object")),
            ("[]", AgentFailure(.malformed, "the response is not a JSON object")),
            ("ok", AgentFailure(.malformed, "the response is not a JSON object")),
            ("<!DOCTYPE html>", AgentFailure(.malformed, "HTML instead of an answer; is the endpoint right?")),
            ("  \n", AgentFailure(.malformed, "empty answer")),
            ("", AgentFailure(.malformed, "empty answer")),
        ] as [(String, AgentFailure)])
    func `a generated answer without words fails for what it says instead`(body: String, expected: AgentFailure) throws
    {
        expectSameHoweverCut(
            Array(body.utf8), [.failed(expected)], with: try MastraAgentTests.decoder(isStreaming: false))
    }

    private static func chunk(_ type: String, _ payload: String = "{}") -> String {
        #"{"type":"\#(type)","runId":"run-1","from":"AGENT","payload":\#(payload)}"#
    }

    private static let conversation = [
        chunk("start"), chunk("step-start"), chunk("reasoning-delta", #"{"text":"hm"}"#),
        chunk("text-start", #"{"id":"t1"}"#), chunk("text-delta", #"{"id":"t1","text":"Grüße "}"#),
        chunk("text-delta", #"{"text":""}"#), chunk("text-delta", #"{"text":"😀"}"#),
        chunk("tool-call", #"{"toolName":"weather"}"#), chunk("tool-result", #"{"result":{"text":"no"}}"#),
        chunk("step-finish"), chunk("data-progress", "7"),
        chunk("finish", #"{"stepResult":{"reason":"stop"},"output":{"usage":{"inputTokens":9,"outputTokens":4}}}"#),
    ]
    private static let receipt = AgentReceipt(
        requestID: "run-1", finishReason: "stop", inputTokens: 9, outputTokens: 4)

    @Test(arguments: [
        (conversation.map { "data: \($0)\n\n" }.joined() + "data: [DONE]\n\n", "as Mastra sends it"),
        (conversation.map { "data: \($0)\r\n\r\n" }.joined() + "data: [DONE]\r\n\r\n", "with CRLF"),
        (conversation.map { ": ping\n\ndata: \($0)\n\n" }.joined(), "with comments and without DONE"),
        (conversation.joined(separator: "\u{1E}") + "\u{1E}data: [DONE]\n\n", "as records"),
        (conversation.map { "data: \($0)\n" }.joined() + "data: [DONE]", "without blank lines"),
        (
            conversation.map { "data: \($0)\n\n" }.joined() + "data: [DONE]\n\ndata: "
                + chunk("text-delta", #"{"text":"late"}"#) + "\n\n", "with more after DONE"
        ),
    ])
    func `a stream is its text deltas and its finish`(stream: String, meaning: String) throws {
        expectSameHoweverCut(
            Array(stream.utf8), [.text("Grüße "), .text("😀"), .finished(MastraAgentTests.receipt)],
            with: try MastraAgentTests.decoder(isStreaming: true), contentType: "text/plain; charset=utf-8")
    }

    @Test func `a second part of the text begins a paragraph`() throws {
        let stream = ["text-start", "text-delta", "text-end", "tool-call", "text-start", "text-delta", "finish"].map {
            "data: \(MastraAgentTests.chunk($0, #"{"text":"Look."}"#))\n\n"
        }
        let events = decode(stream.joined(), with: try MastraAgentTests.decoder(isStreaming: true))
        #expect(outcome(events).text == "Look.\n\nLook.")
    }

    @Test(
        arguments: [
            (chunk("error", #"{"error":{"message":"quota"}}"#), AgentFailure.Kind.error, "quota"),
            (chunk("error", #"{"error":"quota"}"#), .error, "quota"),
            (chunk("tripwire", #"{"reason":"PII"}"#), .refused, "PII"),
            (chunk("tripwire", #"{"tripwireReason":"PII"}"#), .refused, "PII"),
            (
                chunk("tool-call-approval", #"{"toolName":"pay"}"#), .suspended,
                "the agent waits for approval of the tool pay"
            ),
            (chunk("tool-call-suspended"), .suspended, "the agent waits for approval"),
            (chunk("abort"), .error, "the agent aborted its run"),
            (chunk("finish", #"{"stepResult":{"reason":"stop"}}"#), .malformed, "empty answer (finish reason stop)"),
            (chunk("finish", #"{"stepResult":{"reason":"tripwire"}}"#), .refused, "the answer was refused"),
            (chunk("start"), .malformed, "empty answer"),
        ] as [(String, AgentFailure.Kind, String)])
    func `a stream that ends without words fails for what it says`(
        chunk: String, kind: AgentFailure.Kind, message: String
    ) throws {
        expectSameHoweverCut(
            Array("data: \(chunk)\n\ndata: [DONE]\n\n".utf8),
            [.failed(AgentFailure(kind, message, requestID: "run-1"))],
            with: try MastraAgentTests.decoder(isStreaming: true))
    }

    @Test func `a failure after some text is a failure, and nothing counts after it`() throws {
        let stream = [
            MastraAgentTests.chunk("text-delta", #"{"text":"Hel"}"#),
            MastraAgentTests.chunk("error", #"{"error":"gone"}"#), MastraAgentTests.chunk("finish"),
        ].map { "data: \($0)\n\n" }.joined()
        let events = decode(stream, with: try MastraAgentTests.decoder(isStreaming: true))
        #expect(events == [.text("Hel"), .failed(AgentFailure(.error, "gone", requestID: "run-1"))])
    }

    @Test func `a clean end after some text is a whole answer, half an object is not`() throws {
        let text = "data: " + MastraAgentTests.chunk("text-delta", #"{"text":"Hello"}"#) + "\n\n"
        let whole = decode(text, with: try MastraAgentTests.decoder(isStreaming: true))
        #expect(whole == [.text("Hello"), .finished(AgentReceipt(requestID: "run-1"))])
        let half = decode(text + #"data: {"type":"text-de"#, with: try MastraAgentTests.decoder(isStreaming: true))
        #expect(failure(half)?.kind == .malformed)
    }

    @Test func `an error that a stream tells without a chunk around it is understood`() throws {
        let events = decode(#"{"error":"no such agent"}"#, with: try MastraAgentTests.decoder(isStreaming: true))
        #expect(events == [.failed(AgentFailure(.error, "no such agent"))])
    }

    @Test(
        arguments: [
            (
                401, #"{"error":"Invalid or expired token"}"#,
                AgentFailure(.unauthorized, "HTTP 401: Invalid or expired token")
            ),
            (403, #"{"error":"Access denied"}"#, AgentFailure(.unauthorized, "HTTP 403: Access denied")),
            (
                400, #"{"error":"Invalid body","issues":[{"field":"messages"}]}"#,
                AgentFailure(.error, "HTTP 400: Invalid body")
            ),
            (404, "<html>nginx</html>", AgentFailure(.error, "HTTP 404 Not Found")),
            (500, "", AgentFailure(.error, "HTTP 500 Internal Server Error")),
            (599, #"{"text":"hi"}"#, AgentFailure(.error, "HTTP 599")),
            (
                503, #"{"message":"key secret-key-1 and team-token-9"}"#,
                AgentFailure(.error, "HTTP 503: key [redacted] and [redacted]")
            ),
            (
                307, "moved",
                AgentFailure(.error, "HTTP 307: redirects are not followed, set the address that it leads to")
            ),
        ] as [(Int, String, AgentFailure)])
    func `a refused request fails with the agent's words and without secrets`(
        status: Int, body: String, expected: AgentFailure
    ) throws {
        for isStreaming in [false, true] {
            let decoder = try MastraAgentTests.decoder(isStreaming: isStreaming)
            #expect(decode(body, with: decoder, status: status) == [.failed(expected)])
            #expect(decode(body.utf8.map { [$0] }, with: decoder, status: status) == [.failed(expected)])
        }
    }
}
