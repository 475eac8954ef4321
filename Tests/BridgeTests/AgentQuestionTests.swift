import Agents
import BridgeCore
import HTTPCore
import HTTPServer
import JSON
import TestSupport
import Testing

@testable import Bridge

/// What an agent is asked beside the words: pictures, earlier messages by their names, and what it wanted to see again.
struct AgentQuestionTests {
    private static func picture(_ id: String) -> InboundEvent {
        var picture = event(id, "look")
        picture.attachments = [BridgeCore.Attachment(kind: .image, url: "https://cdn/a.png", name: "a.png")]
        return picture
    }

    @Test(arguments: [(400, 2, "blind"), (503, 1, "sorry"), (401, 1, "sorry")])
    func `a model that fails for a picture is asked again without it`(status: Int, requests: Int, answer: String)
        async throws
    {
        let platform = try await FakePlatform()
        let server = try await RecordingServer { request in
            String(decoding: request.body, as: UTF8.self).contains("image_url")
                ? .error(HTTPStatus(status), code: "x", message: "no eyes")
                : .json(Array(#"{"choices":[{"message":{"content":"blind"},"finish_reason":"stop"}]}"#.utf8))
        }
        let agent = OpenAIAgent(configuration: OpenAIConfiguration(baseURL: server.url, model: "m"))
        let adapter = platform.adapter()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: agent) { $0.errorReply = "sorry" }
            #expect(engine.take(AgentQuestionTests.picture("1")))
            #expect(await engine.finish() == 0)
            #expect(platform.texts == [answer])
            #expect(server.requests.count == requests)
            let last = try JSONView(parsing: try #require(server.requests.last).body)
            // The words name what was sent, whoever sees it.
            #expect(requests == 1 || last["messages"][0]["content"].string == "look\n[image: a.png]")
        }
    }

    private static let run: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        let run = body["runId"].string ?? ""
        let asks = body["messages"].elements.map(\.self).last?["content"].string == "ask"
        let outcome = asks ? #","outcome":{"type":"interrupt","interrupts":[{"id":"i-\#(run)","message":"?"}]}"# : ""
        return .eventStream { writer in
            for event in [
                #"{"type":"TEXT_MESSAGE_CONTENT","messageId":"m-\#(run)","delta":"yes"}"#,
                #"{"type":"RUN_FINISHED","runId":"\#(run)"\#(outcome)}"#,
            ] {
                try await writer.send(data: event)
            }
        }
    }

    @Test func `messages keep their names, and what an agent waits for goes with the next message alone`() async throws
    {
        let platform = try await FakePlatform()
        let server = try await RecordingServer(AgentQuestionTests.run)
        let agent = AGUIAgent(configuration: HTTPAgentConfiguration(url: server.url))
        let adapter = platform.adapter()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: agent)
            #expect(
                engine.take(event("1", "ask"), event("2", "two"), event("3", "three"), event("4", in: "c2", "else")))
            #expect(await engine.finish() == 0)
        }
        let bodies = try server.requests.map { try JSONView(parsing: $0.body) }
        let runs = bodies.filter { $0["threadId"].string == "plain:c1" }
        #expect(runs.count == 3 && bodies.count == 4)
        let names = runs.map { $0["messages"].elements.compactMap { $0["id"].string } }
        let ids = runs.compactMap { $0["runId"].string }
        #expect(names[2] == [ids[0], "m-\(ids[0])", ids[1], "m-\(ids[1])", ids[2]])
        #expect(names[1] == Array(names[2].prefix(3)))
        #expect(runs.map { $0["resume"][0]["interruptId"].string } == [nil, "i-\(ids[0])", nil])
        #expect(bodies.allSatisfy { $0["threadId"].string == "plain:c1" || !$0["resume"].exists })
    }
}
