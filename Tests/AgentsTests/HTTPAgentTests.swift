import Agents
import BridgeCore
import HTTPCore
import JSON
import Testing

struct HTTPAgentTests {
    private static let agent = HTTPAgent(
        configuration: HTTPAgentConfiguration(
            url: "https://example.org/agent/?v=2", headers: ["Authorization": "Bearer abcdefgh"]))

    private static func decoder() throws -> any AgentDecoder { try asked(agent, turn()).decoder }

    @Test func `a turn is posted as the documented object`() throws {
        let photo = BridgeCore.Attachment(kind: .image, reference: "f1", name: "a.jpg")
        let (request, _) = try asked(
            HTTPAgentTests.agent,
            turn("look", thread: "7", attachments: [photo], metadata: ["language": "de"], isStreaming: true))
        #expect(request.url == "https://example.org/agent/?v=2")
        #expect(request.headers["authorization"] == "Bearer abcdefgh")
        #expect(request.headers["accept"] == "text/event-stream")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"v":1,"id":"01990000-0000-7000-8000-000000000001","platform":"telegram","account":"default","#
                + #""conversation":"-100","thread":"7","group":false,"user":"42","user_name":"Ada","language":"de","#
                + #""session":"telegram:-100:7","type":"text","text":"look","#
                + #""attachments":[{"kind":"image","reference":"f1","name":"a.jpg"}],"message_id":"581","#
                + #""sent_at":"2027-01-15T08:00:00.000000Z","metadata":{"language":"de"},"stream":true}"#)
    }

    private static let hello: [AgentEvent] = [.text("Hello"), .finished(AgentReceipt())]

    @Test(
        arguments: [
            (#"{"text":"Hello"}"#, "application/json", hello),
            (#"{"text":"Hello"}"#, nil, hello),
            (#"{"text":"Hello","error":null}"#, "text/plain", hello),
            (
                #"{"text":"Hello","request_id":7,"finish_reason":"stop"}"#, "application/json; charset=utf-8",
                [
                    .text("Hello"), .finished(AgentReceipt(requestID: "7", finishReason: "stop")),
                ]
            ),
            ("Hello", "text/plain; charset=utf-8", hello),
            ("<3 you", "Text/Plain", [.text("<3 you"), .finished(AgentReceipt())]),
            ("{not json", "text/markdown", [.text("{not json"), .finished(AgentReceipt())]),
            (
                "data: {\"delta\":\"Hel\"}\n\n: ping\n\ndata: {\"delta\":\"lo\"}\n\ndata: [DONE]\n\n",
                "text/event-stream",
                [.text("Hel"), .text("lo"), .finished(AgentReceipt())]
            ),
            (
                "data: {\"delta\":\"Hel\"}\n\ndata: {\"error\":\"gone\"}\n\n", "text/event-stream",
                [.text("Hel"), .failed(AgentFailure(.error, "gone"))]
            ),
            ("data: [DONE]\n\n", "text/event-stream", [.failed(AgentFailure(.malformed, "empty answer"))]),
            (#"{"text":""}"#, nil, [.failed(AgentFailure(.malformed, "empty answer"))]),
            (#"{"error":"no"}"#, nil, [.failed(AgentFailure(.error, "no"))]),
            (#"{"error":{"message":"no"},"text":"x"}"#, nil, [.failed(AgentFailure(.error, "no"))]),
            (#"{"answer":"x"}"#, nil, [.failed(AgentFailure(.malformed, "the response has no \"text\""))]),
            (
                #"{"text":"He"#, "application/json",
                [.failed(AgentFailure(.malformed, "the response is not a JSON object"))]
            ),
            ("Hello", "application/json", [.failed(AgentFailure(.malformed, "the response is not a JSON object"))]),
            (
                "<html>", "application/json",
                [.failed(AgentFailure(.malformed, "HTML instead of an answer; is AGENT_URL right?"))]
            ),
            (
                "Hello", "text/html",
                [.failed(AgentFailure(.malformed, "HTML instead of an answer; is AGENT_URL right?"))]
            ),
            ("", "text/plain", [.failed(AgentFailure(.malformed, "empty answer"))]),
        ] as [(String, String?, [AgentEvent])])
    func `each documented answer is understood, anything else is a failure`(
        body: String, contentType: String?, expected: [AgentEvent]
    ) throws {
        expectSameHoweverCut(
            Array(body.utf8), expected, with: try HTTPAgentTests.decoder(), contentType: contentType)
    }
}
