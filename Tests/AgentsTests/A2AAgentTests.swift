import BridgeCore
import HTTPCore
import JSON
import Testing

@testable import Agents

struct A2AAgentTests {
    private static let old =
        #"{"name":"a","url":"http://h:1/rpc","protocolVersion":"0.3.0","capabilities":{"streaming":true}}"#
    private static let new =
        #"{"supportedInterfaces":[{"url":"http://h:1/rpc/","protocolBinding":"JSONRPC","protocolVersion":"1.0","tenant":"t"}],"capabilities":{"streaming":true}}"#
    private static let rest =
        #"{"supportedInterfaces":[{"url":"http://h:1/","protocolBinding":"GRPC","protocolVersion":"1.0"},{"url":"http://h:1/v1/","protocolBinding":"HTTP+JSON","protocolVersion":"1.0","tenant":"a b"}]}"#

    private static func agent(_ url: String = "https://example.org/agents/one/") -> A2AAgent {
        A2AAgent(configuration: HTTPAgentConfiguration(url: url, headers: ["Authorization": "Bearer abcdefgh"]))
    }

    private static func peer(_ card: String) throws -> A2APeer {
        try #require(
            try agent().discovered(OutboundResponse(status: .ok, body: Array(card.utf8))) as? A2APeer)
    }

    private static func decoder(_ card: String, isStreaming: Bool = false) throws -> any AgentDecoder {
        try asked(peer(card), turn(isStreaming: isStreaming)).decoder
    }

    // MARK: The card

    @Test(arguments: [
        (
            "https://example.org/agents/one/",
            [
                "https://example.org/agents/one/.well-known/agent-card.json",
                "https://example.org/agents/one/.well-known/agent.json",
                "https://example.org/.well-known/agent-card.json", "https://example.org/.well-known/agent.json",
            ]
        ),
        (
            "http://localhost:9999",
            ["http://localhost:9999/.well-known/agent-card.json", "http://localhost:9999/.well-known/agent.json"]
        ),
        ("https://example.org/my-card.json", ["https://example.org/my-card.json"]),
    ])
    func `the card is looked for below the address and at its host`(url: String, expected: [String]) {
        let requests = A2AAgentTests.agent(url).discoveryRequests
        #expect(requests.map(\.url) == expected)
        #expect(requests.allSatisfy { $0.method == .get && $0.headers["authorization"] == "Bearer abcdefgh" })
    }

    @Test(
        arguments: [
            (
                old,
                .init(
                    binding: .jsonRPC03, url: "http://h:1/rpc", tenant: nil, isStreaming: true, isUntrustedAddress: true
                ), "0.3"
            ),
            (
                #"{"url":"http://h/","preferredTransport":"GRPC","additionalInterfaces":[{"url":"/rpc","transport":"JSONRPC"}]}"#,
                .init(binding: .jsonRPC03, url: "https://example.org/rpc", tenant: nil, isStreaming: false),
                "0.3 with another transport, a path alone"
            ),
            (
                new,
                .init(
                    binding: .jsonRPC10, url: "http://h:1/rpc/", tenant: "t", isStreaming: true,
                    isUntrustedAddress: true), "1.0"
            ),
            (
                rest,
                .init(
                    binding: .rest10, url: "http://h:1/v1", tenant: "a b", isStreaming: false, isUntrustedAddress: true),
                "1.0 by HTTP"
            ),
            (
                #"{"url":"http://old/","protocolVersion":"0.3.0","supportedInterfaces":[{"url":"http://h:2/","protocolBinding":"JSONRPC","protocolVersion":"0.3"},{"url":"http://h:1/","protocolBinding":"JSONRPC","protocolVersion":"1.0"}]}"#,
                .init(
                    binding: .jsonRPC03, url: "http://h:2/", tenant: nil, isStreaming: false, isUntrustedAddress: true),
                "the agent's preference"
            ),
        ] as [(String, A2AInterface, String)])
    func `the card tells how the agent is asked`(card: String, expected: A2AInterface, meaning: String) throws {
        #expect(try A2AAgentTests.peer(card).interface == expected)
    }

    @Test(arguments: [
        ("http://0.0.0.0:9999/rpc", "https://example.org/rpc", "it listens everywhere"),
        ("http://localhost:9999/", "https://example.org/", "it is reached otherwise"),
        ("http://[::1]:9999/?a=b", "https://example.org/?a=b", "so by its IPv6 address"),
        ("http://user@127.0.0.1:9999", "https://example.org", "so by its IPv4 address"),
        ("http://other.example:9999/rpc", "http://other.example:9999/rpc", "another host is another host"),
    ])
    func `an address that is the agent's own machine's is taken for the card's host`(
        url: String, expected: String, meaning: String
    ) throws {
        #expect(try A2AAgentTests.peer(#"{"url":"\#(url)"}"#).interface.url == expected)
    }

    @Test func `an agent on our own machine is asked where it says`() throws {
        let response = OutboundResponse(status: .ok, body: Array(#"{"url":"http://localhost:1/rpc"}"#.utf8))
        let peer = try A2AAgentTests.agent("http://127.0.0.1:9999/").discovered(response) as? A2APeer
        #expect(peer?.interface.url == "http://localhost:1/rpc")
    }

    @Test(arguments: [
        ("https://example.org", "https://example.org:8443/rpc", false), ("https://example.org", "/rpc", false),
        ("https://example.org", "http://169.254.169.254/latest", true),
        ("https://example.org", "http://agent:1/", true),
        ("https://1.2.3.4", "http://10.0.0.1/", true), ("http://localhost:1", "http://agent:9999/", false),
        ("http://agent:1", "http://10.0.0.7:9999/", false), ("http://192.168.1.4:1", "http://192.168.1.5/", false),
        ("http://a2a.internal", "http://10.0.0.7/", false), ("https://[2606:4700::1]", "http://10.0.0.7/", true),
    ])
    func `a card of the Internet's does not send us into our own network`(
        base: String, url: String, isUntrusted: Bool
    ) throws {
        let response = OutboundResponse(status: .ok, body: Array(#"{"url":"\#(url)"}"#.utf8))
        let peer = try #require(try A2AAgentTests.agent(base).discovered(response) as? A2APeer)
        #expect(peer.interface.isUntrustedAddress == isUntrusted)
        let asked = try asked(peer, turn(isStreaming: false))
        #expect(asked.request.isUntrustedAddress == isUntrusted)
    }

    @Test func `data without words is shown as it is`() throws {
        let body = #"{"result":{"kind":"message","messageId":"m","parts":[{"kind":"data","data":{"a":[1, 2]}}]}}"#
        let events = decode(body, with: try A2AAgentTests.decoder(A2AAgentTests.old))
        #expect(events.first == .text("```json\n{\"a\":[1,2]}\n```"))
    }

    @Test(arguments: [
        (404, "", "no agent card: HTTP 404 Not Found"), (200, "<html>", "the agent card is not a JSON object"),
        (
            200, #"{"supportedInterfaces":[{"url":"http://h","protocolBinding":"GRPC","protocolVersion":"1.0"}]}"#,
            "the agent card offers none of JSONRPC 0.3, JSONRPC 1.0 and HTTP+JSON 1.0, but GRPC 1.0"
        ),
        (401, #"{"error":"who are you, abcdefgh?"}"#, "no agent card: HTTP 401: who are you, [redacted]?"),
    ])
    func `a card that does not help is a failure that says why`(status: Int, body: String, message: String) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        let failure = #expect(throws: AgentFailure.self) { try A2AAgentTests.agent().discovered(response) }
        #expect(failure?.message == message)
    }

    @Test func `without a card nobody is asked`() {
        guard case .immediate(let events) = A2AAgentTests.agent().ask(turn()) else {
            Issue.record("a request without a card")
            return
        }
        #expect(failure(events)?.kind == .unreachable)
    }

    // MARK: The question

    @Test func `version 0.3 is asked by its methods and kinds`() throws {
        let (request, _) = try asked(A2AAgentTests.peer(A2AAgentTests.old), turn("hi", sender: nil))
        #expect(request.url == "http://h:1/rpc" && request.headers["a2a-version"] == nil)
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"jsonrpc":"2.0","id":"01990000-0000-7000-8000-000000000001","method":"message/send","params":{"#
                + #""message":{"kind":"message","role":"user","messageId":"01990000-0000-7000-8000-000000000001","#
                + #""contextId":"telegram:-100","parts":[{"kind":"text","text":"hi"}],"metadata":{"platform":"telegram","#
                + #""account":"default","conversation":"-100","message_id":"01990000-0000-7000-8000-000000000001"}},"#
                + #""configuration":{"blocking":true}}}"#)
        let stream = try asked(A2AAgentTests.peer(A2AAgentTests.old), turn(isStreaming: true)).request
        #expect(try JSONView(parsing: stream.body)["method"].string == "message/stream")
        #expect(stream.headers["accept"] == "text/event-stream")
    }

    @Test func `version 1.0 is asked by its methods, its header field and its tenant`() throws {
        let (request, _) = try asked(A2AAgentTests.peer(A2AAgentTests.new), turn("hi"))
        #expect(request.headers["a2a-version"] == "1.0")
        let body = try JSONView(parsing: request.body)
        #expect(body["method"].string == "SendMessage" && body["params"]["tenant"].string == "t")
        let message = body["params"]["message"]
        #expect(message["role"].string == "ROLE_USER" && message["contextId"].string == "telegram:-100")
        #expect(message["parts"][0]["text"].string == "hi" && !message["parts"][0]["kind"].exists)
        let stream = try asked(A2AAgentTests.peer(A2AAgentTests.new), turn(isStreaming: true)).request
        #expect(try JSONView(parsing: stream.body)["method"].string == "SendStreamingMessage")
    }

    @Test func `the HTTP binding is asked at its paths, and never for a stream that its card does not offer`() throws {
        let (request, _) = try asked(A2AAgentTests.peer(A2AAgentTests.rest), turn("hi", isStreaming: true))
        #expect(request.url == "http://h:1/v1/a%20b/message:send" && request.headers["a2a-version"] == "1.0")
        #expect(try JSONView(parsing: request.body)["message"]["parts"][0]["text"].string == "hi")
    }

    // MARK: The answer

    private static func task(
        _ state: String, text: String? = nil, artifacts: String = "", history: String = "", id: String = "t1"
    ) -> String {
        #"{"kind":"task","id":"\#(id)","contextId":"c","status":\#(status(state, text)),"artifacts":[\#(artifacts)],"history":[\#(history)]}"#
    }

    private static func status(_ state: String, _ text: String? = nil) -> String {
        guard let text else { return #"{"state":"\#(state)"}"# }
        return #"{"state":"\#(state)","message":\#(message(text))}"#
    }

    private static func message(_ texts: String..., role: String = "agent") -> String {
        let parts = texts.map { #"{"kind":"text","text":"\#($0)"}"# }.joined(separator: ",")
        return #"{"kind":"message","role":"\#(role)","messageId":"m1","parts":[\#(parts)]}"#
    }

    private static func artifact(_ texts: String..., id: String = "a1") -> String {
        let parts = texts.map { #"{"kind":"text","text":"\#($0)"}"# }.joined(separator: ",")
        return #"{"artifactId":"\#(id)","parts":[\#(parts)]}"#
    }

    private static func result(_ result: String) -> String { #"{"jsonrpc":"2.0","id":"1","result":\#(result)}"# }

    private static func update(_ status: String) -> String {
        #"{"kind":"status-update","taskId":"t1","contextId":"c","status":\#(status)}"#
    }

    private static func piece(_ artifact: String, append: Bool) -> String {
        #"{"kind":"artifact-update","taskId":"t1","contextId":"c","append":\#(append),"artifact":\#(artifact)}"#
    }

    @Test(
        arguments: [
            (message("Hel", "lo"), "Hel\nlo", nil, "a message"),
            (task("completed", artifacts: artifact("Hel", "lo")), "Hello", "completed", "an artifact"),
            (
                task("completed", artifacts: artifact("One.") + "," + artifact("Two.", id: "a2")), "One.\n\nTwo.",
                "completed", "two artifacts"
            ),
            (task("completed", text: "Hello"), "Hello", "completed", "the status"),
            (
                task("completed", text: "Here it is.", artifacts: artifact("Hello")), "Hello\n\nHere it is.",
                "completed",
                "an artifact and the status"
            ),
            (
                task("completed", text: "Hello", artifacts: artifact("Hello")), "Hello", "completed",
                "an artifact that the status repeats"
            ),
            (
                task(
                    "completed", history: message("old") + "," + message("hi", role: "user") + "," + message("Hello")),
                "Hello", "completed", "the history"
            ),
            (task("input-required", text: "Which city?"), "Which city?", "input-required", "a question back"),
            (task("auth-required", text: "Log in here."), "Log in here.", "auth-required", "a way to log in"),
        ] as [(String, String, String?, String)])
    func `a result of version 0.3 is the answer`(result: String, text: String, reason: String?, meaning: String) throws
    {
        let expected = AgentEvent.finished(
            AgentReceipt(
                requestID: reason == nil ? "m1" : "t1", finishReason: reason,
                continuation: reason?.hasSuffix("required") == true ? "t1" : nil))
        let body = Array(A2AAgentTests.result(result).utf8)
        let decoder = try A2AAgentTests.decoder(A2AAgentTests.old)
        #expect(outcome(decode([body], with: decoder)) == (text, expected))
        #expect(outcome(decode(body.map { [$0] }, with: decoder)) == (text, expected))
    }

    @Test(
        arguments: [
            (#"{"message":{"messageId":"m1","role":"ROLE_AGENT","parts":[{"text":"Hello"}]}}"#, nil),
            (
                #"{"task":{"id":"t1","contextId":"c","status":{"state":"TASK_STATE_COMPLETED"},"artifacts":[{"artifactId":"a","parts":[{"text":"Hello"}]}]}}"#,
                "completed"
            ),
            (
                #"{"task":{"id":"t1","status":{"state":"TASK_STATE_INPUT_REQUIRED","message":{"role":"ROLE_AGENT","parts":[{"text":"Hello"}]}}}}"#,
                "input-required"
            ),
        ] as [(String, String?)])
    func `a result of version 1.0 is the answer, in either binding`(result: String, reason: String?) throws {
        let expected: [AgentEvent] = [
            .text("Hello"),
            .finished(
                AgentReceipt(
                    requestID: reason == nil ? "m1" : "t1", finishReason: reason,
                    continuation: reason?.hasSuffix("required") == true ? "t1" : nil)),
        ]
        expectSameHoweverCut(
            Array(A2AAgentTests.result(result).utf8), expected, with: try A2AAgentTests.decoder(A2AAgentTests.new))
        expectSameHoweverCut(Array(result.utf8), expected, with: try A2AAgentTests.decoder(A2AAgentTests.rest))
    }

    private static let conversation = [
        task("submitted", history: message("hi", role: "user")), update(status("working", "Looking it up…")),
        piece(artifact("Grü"), append: false), piece(artifact("ße"), append: true),
        piece(artifact("😀", id: "a2"), append: false), update(status("completed", "Grüße")),
    ]

    @Test(arguments: [
        (conversation.map { "data: \(result($0))\n\n" }.joined(), "as the SDK sends it"),
        (
            ": ping\r\n\r\n" + conversation.map { "event: x\r\ndata:\(result($0))\r\n: c\r\n\r\n" }.joined(),
            "with CRLF and comments"
        ),
        (
            (conversation.dropLast() + [
                task("completed", artifacts: artifact("Grü", "ße") + "," + artifact("😀", id: "a2"))
            ])
            .map { "data: \(result($0))\n\n" }.joined(), "with the whole task at the end"
        ),
    ])
    func `a stream is the pieces of its artifacts`(stream: String, meaning: String) throws {
        expectSameHoweverCut(
            Array(stream.utf8),
            [
                .text("Grü"), .text("ße"), .text("\n\n😀"),
                .finished(AgentReceipt(requestID: "t1", finishReason: "completed")),
            ], with: try A2AAgentTests.decoder(A2AAgentTests.old, isStreaming: true), contentType: "text/event-stream")
    }

    @Test func `words on the way are the answer when there are no others`() throws {
        let stream = [
            A2AAgentTests.update(A2AAgentTests.status("working", "Hello")),
            A2AAgentTests.update(A2AAgentTests.status("completed")),
        ]
        .map { "data: \(A2AAgentTests.result($0))\n\n" }.joined()
        let events = decode(stream, with: try A2AAgentTests.decoder(A2AAgentTests.old, isStreaming: true))
        #expect(outcome(events).text == "Hello" && failure(events) == nil)
    }

    @Test(
        arguments: [
            (
                #"{"jsonrpc":"2.0","id":"1","error":{"code":-32601,"message":"Method not found","data":null}}"#,
                AgentFailure(.error, "Method not found"), "an error"
            ),
            (
                #"{"error":{"code":404,"status":"NOT_FOUND","message":"no abcdefgh","details":[]}}"#,
                AgentFailure(.error, "no [redacted]"), "an error of the HTTP binding"
            ),
            (
                result(task("failed", text: "no rain data")), AgentFailure(.error, "no rain data", requestID: "t1"),
                "a failed task"
            ),
            (
                result(task("canceled")), AgentFailure(.error, "the task was cancelled", requestID: "t1"),
                "a cancelled task"
            ),
            (
                result(task("rejected")), AgentFailure(.refused, "the agent rejects the task", requestID: "t1"),
                "a rejected task"
            ),
            (
                result(task("auth-required")),
                AgentFailure(.suspended, "the agent waits for credentials", requestID: "t1"), "credentials"
            ),
            (
                result(task("completed")),
                AgentFailure(.malformed, "empty answer (finish reason completed)", requestID: "t1"), "nothing"
            ),
            (
                #"{"jsonrpc":"2.0","id":"1"}"#,
                AgentFailure(.malformed, "the response has neither a result nor an error; is it an A2A agent?"),
                "neither"
            ),
            ("<html>", AgentFailure(.malformed, "HTML instead of an answer; is AGENT_URL right?"), "a web page"),
        ] as [(String, AgentFailure, String)])
    func `a result without an answer fails for what it says instead, whole and in a stream`(
        body: String, expected: AgentFailure, meaning: String
    ) throws {
        let decoder = try A2AAgentTests.decoder(A2AAgentTests.old, isStreaming: true)
        expectSameHoweverCut(Array(body.utf8), [.failed(expected)], with: decoder)
        guard body.hasPrefix("{") else { return }
        expectSameHoweverCut(
            Array("data: \(body)\n\n".utf8), [.failed(expected)], with: decoder, contentType: "text/event-stream")
    }

    // MARK: Tasks that go on

    @Test(arguments: [(old, "tasks/get"), (new, "GetTask")])
    func `a task that goes on is asked for, less and less often, until it is done`(card: String, method: String) throws
    {
        var decoder = try A2AAgentTests.decoder(card)
        var delays: [Duration] = []
        for state in ["submitted", "TASK_STATE_WORKING", "working"] {
            decoder.begin(OutboundResponse(status: .ok))
            #expect(decoder.decode(Array(A2AAgentTests.result(A2AAgentTests.task(state)).utf8)) == [])
            #expect(decoder.end() == [])
            let continuation = decoder.continuation()
            let next = try #require(continuation)
            let body = try JSONView(parsing: next.request.body)
            #expect(body["method"].string == method && body["params"]["id"].string == "t1")
            delays.append(next.delay)
        }
        #expect(delays == delays.sorted() && Set(delays).count == 3)
        let done = A2AAgentTests.task("completed", artifacts: A2AAgentTests.artifact("Hello"))
        let events = decode(A2AAgentTests.result(done), with: decoder)
        #expect(events == [.text("Hello"), .finished(AgentReceipt(requestID: "t1", finishReason: "completed"))])
    }

    @Test(arguments: [
        (200, #"{"jsonrpc":"2.0","id":"1","error":{"code":-32001,"message":"Task not found"}}"#), (404, "gone"),
    ])
    func `what was said of a task that its agent has forgotten is the answer`(status: Int, body: String) throws {
        for said in ["Hello", ""] {
            var decoder = try A2AAgentTests.decoder(A2AAgentTests.old, isStreaming: true)
            decoder.begin(OutboundResponse(status: .ok))
            let piece = A2AAgentTests.piece(A2AAgentTests.artifact(said), append: false)
            _ = decoder.decode(Array("data: \(A2AAgentTests.result(piece))\n\n".utf8))
            #expect(decoder.end() == [])
            let next = decoder.continuation()
            #expect(next != nil)
            let events = decode(body, with: decoder, status: status)
            #expect((failure(events) == nil) == (said == "Hello") && events.count == 1)
        }
    }

    @Test func `a stream that ends before its task does goes on where it was`() throws {
        var decoder = try A2AAgentTests.decoder(A2AAgentTests.rest, isStreaming: true)
        decoder.begin(OutboundResponse(status: .ok))
        let piece = #"{"artifactUpdate":{"taskId":"t/1","artifact":{"artifactId":"a","parts":[{"text":"Hel"}]}}}"#
        #expect(decoder.decode(Array("data: \(piece)\n\n".utf8)) == [.text("Hel")])
        #expect(decoder.end() == [])
        let continuation = decoder.continuation()
        let next = try #require(continuation)
        #expect(next.request.method == .get && next.request.url == "http://h:1/v1/a%20b/tasks/t%2F1")
        let task =
            #"{"id":"t/1","status":{"state":"TASK_STATE_COMPLETED"},"artifacts":[{"artifactId":"a","parts":[{"text":"Hel"},{"text":"lo"}]}]}"#
        #expect(
            decode(task, with: decoder)
                == [.text("lo"), .finished(AgentReceipt(requestID: "t/1", finishReason: "completed"))])
        let rest = decoder.continuation()
        #expect(rest == nil)
    }
}
