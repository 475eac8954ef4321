import BridgeCore
import HTTPCore
import JSON
import Testing

@testable import Agents

/// Pictures and files, to agents and from them.
struct AgentFileTests {
    private static let picture = AgentTurn.Media(
        contentType: "image/png; name=a.png", bytes: Array("png!".utf8), name: "a.png")
    /// The same as text.
    private static let base64 = "cG5nIQ=="
    private static let dataURL = "data:image/png;base64,cG5nIQ=="

    private static let attachments = [
        BridgeCore.Attachment(kind: .image, reference: "f1", url: "https://cdn/a.png", name: "a.png"),
        BridgeCore.Attachment(kind: .file, url: "https://cdn/b.pdf", name: "b.pdf", contentType: "application/pdf"),
        BridgeCore.Attachment(kind: .audio, reference: "f2"),
    ]

    private static func body(
        _ agent: any Agent, media: [AgentTurn.Media] = [picture], attachments: [BridgeCore.Attachment] = attachments
    ) throws -> JSONView {
        try JSONView(parsing: asked(agent, turn("look", attachments: attachments, media: media)).request.body)
    }

    private static func text(_ view: JSONView) -> String {
        var writer = JSONWriter()
        writer.value(view)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    // MARK: To agents

    private static let openAI = OpenAIConfiguration(model: "m")
    private static let there = HTTPAgentConfiguration(url: "http://h", takesImages: true)

    private static func peer(_ binding: A2AInterface.Binding, modes: [String] = []) -> A2APeer {
        A2APeer(
            interface: A2AInterface(
                binding: binding, url: "http://h", tenant: nil, isStreaming: true, inputModes: modes),
            endpoint: AgentEndpoint(base: "http://h", apiKey: nil, extra: [:]), takesImages: true)
    }

    @Test func `Chat Completions get pictures as data URLs, and nothing else`() throws {
        let content = try AgentFileTests.body(OpenAIAgent(configuration: AgentFileTests.openAI))["messages"][0][
            "content"]
        #expect(
            AgentFileTests.text(content)
                == #"[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"\#(AgentFileTests.dataURL)"}}]"#
        )
    }

    @Test func `Responses get pictures as data URLs, and nothing else`() throws {
        let content = try AgentFileTests.body(ResponsesAgent(configuration: AgentFileTests.openAI))["input"][0][
            "content"]
        #expect(
            AgentFileTests.text(content)
                == #"[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"\#(AgentFileTests.dataURL)"}]"#
        )
    }

    @Test func `Mastra gets pictures as parts of the AI SDK`() throws {
        let agent = MastraAgent(configuration: MastraConfiguration(endpoint: "http://h", agentID: "a"))
        let content = try AgentFileTests.body(agent)["messages"][0]["content"]
        #expect(
            AgentFileTests.text(content)
                == #"[{"type":"text","text":"look"},{"type":"image","image":"\#(AgentFileTests.dataURL)","#
                + #""mimeType":"image/png","mediaType":"image/png"}]"#)
    }

    @Test(arguments: [
        (
            A2AInterface.Binding.jsonRPC03,
            #"{"kind":"file","file":{"bytes":"\#(base64)","mimeType":"image/png","name":"a.png"}}"#,
            #"{"kind":"file","file":{"uri":"https://cdn/b.pdf","mimeType":"application/pdf","name":"b.pdf"}}"#
        ),
        (
            .jsonRPC10, #"{"raw":"\#(base64)","mediaType":"image/png","filename":"a.png"}"#,
            #"{"url":"https://cdn/b.pdf","mediaType":"application/pdf","filename":"b.pdf"}"#
        ),
    ])
    func `A2A gets file parts of its version, by bytes or by address`(
        binding: A2AInterface.Binding, picture: String, file: String
    ) throws {
        let parts = try AgentFileTests.body(AgentFileTests.peer(binding))["params"]["message"]["parts"]
        #expect(parts.elements.dropFirst().map { AgentFileTests.text($0) } == [picture, file])
    }

    @Test(arguments: [
        (["text/plain"], 1), (["text/plain", "image/png"], 2), (["image/*"], 2), (["image"], 2), (["*/*"], 3), ([], 3),
        (["text", "file"], 3), (["application/pdf"], 2), (["IMAGE/PNG"], 2),
    ])
    func `an A2A agent gets no files of types that its card does not name`(modes: [String], count: Int) throws {
        let body = try AgentFileTests.body(AgentFileTests.peer(.jsonRPC10, modes: modes))
        #expect(body["params"]["message"]["parts"].count == count)
    }

    @Test func `AG-UI gets parts with a source`() throws {
        let content = try AgentFileTests.body(AGUIAgent(configuration: AgentFileTests.there))["messages"][0]["content"]
        #expect(
            AgentFileTests.text(content)
                == #"[{"type":"text","text":"look"},{"type":"image","source":{"type":"data","value":"\#(AgentFileTests.base64)","#
                + #""mimeType":"image/png"},"metadata":{"filename":"a.png"}},"#
                + #"{"type":"document","source":{"type":"url","value":"https://cdn/b.pdf","mimeType":"application/pdf"},"#
                + #""metadata":{"filename":"b.pdf"}}]"#)
    }

    @Test func `an endpoint of one's own gets the bytes beside what is known of them`() throws {
        let body = try AgentFileTests.body(HTTPAgent(configuration: AgentFileTests.there))
        #expect(body["attachments"].count == 3)
        #expect(
            AgentFileTests.text(body["media"])
                == #"[{"name":"a.png","content_type":"image/png; name=a.png","data":"\#(AgentFileTests.base64)"}]"#)
        let bare = try AgentFileTests.body(HTTPAgent(configuration: AgentFileTests.there), media: [])
        #expect(!bare["media"].exists)
    }

    @Test func `a picture that was not fetched goes by its address, and one without goes by its name alone`() throws {
        let agent = OpenAIAgent(configuration: AgentFileTests.openAI)
        let byURL = try AgentFileTests.body(agent, media: [])["messages"][0]["content"]
        #expect(byURL[1]["image_url"]["url"].string == "https://cdn/a.png")
        let inline = [BridgeCore.Attachment(kind: .image, url: AgentFileTests.dataURL)]
        let byBytes = try AgentFileTests.body(agent, media: [], attachments: inline)["messages"][0]["content"]
        #expect(byBytes[1]["image_url"]["url"].string == AgentFileTests.dataURL)
        let telegram = [BridgeCore.Attachment(kind: .image, reference: "f1")]
        let byName = try AgentFileTests.body(agent, media: [], attachments: telegram)["messages"][0]["content"]
        #expect(byName.string == "look")
    }

    @Test func `an agent that is to see no pictures gets none`() throws {
        var configuration = AgentFileTests.openAI
        configuration.takesImages = false
        let there = HTTPAgentConfiguration(url: "http://h", takesImages: false)
        let mastra = MastraConfiguration(endpoint: "http://h", agentID: "a", takesImages: false)
        let agents: [any Agent] = [
            OpenAIAgent(configuration: configuration), ResponsesAgent(configuration: configuration),
            MastraAgent(configuration: mastra), AGUIAgent(configuration: there), A2AAgent(configuration: there),
            HTTPAgent(configuration: there),
        ]
        for agent in agents {
            #expect(!agent.takesImages, "\(agent.name)")
            guard case .request(let request, _) = agent.ask(turn("look", attachments: AgentFileTests.attachments))
            else {
                continue
            }
            let body = try JSONView(parsing: request.body)
            let question = body["messages"].exists ? body["messages"] : body["input"]
            #expect(question[0]["content"].string == "look" || agent.name == "http", "\(agent.name)")
        }
    }

    // MARK: From agents

    private static let painted = OutboundAttachment(
        kind: .image, source: .bytes(Array("png!".utf8)), contentType: "image/png")
    private static let linked = OutboundAttachment(
        kind: .file, source: .url("https://cdn/b.pdf"), name: "b.pdf", contentType: "application/pdf")

    @Test(
        arguments: [
            (#"{"url":"https://cdn/b.pdf","name":"b.pdf","content_type":"application/pdf"}"#, linked),
            (#"{"base64Data":"\#(base64)","mediaType":"image/png"}"#, painted),
            (#"{"type":"file","payload":{"data":"\#(base64)","mimeType":"image/png"}}"#, painted),
            (#"{"data":"\#(dataURL)"}"#, painted), (#"{"url":"data:image/png;base64,cG5nIQ"}"#, painted),
            (
                #"{"url":"https://cdn/a","kind":"video"}"#,
                OutboundAttachment(kind: .video, source: .url("https://cdn/a"))
            ),
            (#"{"url":"file:///etc/passwd"}"#, nil), (#"{"data":"data:text/plain,hi"}"#, nil), (#"{"data":""}"#, nil),
            (#"{"data":"no base64!"}"#, nil), (#"{"name":"a"}"#, nil), (#""a.png""#, nil),
        ] as [(String, OutboundAttachment?)])
    func `a file of an answer is its bytes or its address`(json: String, expected: OutboundAttachment?) throws {
        #expect(OutboundAttachment(answer: try JSONView(parsing: json)) == expected)
    }

    private static func answers() -> [(agent: any Agent, body: String, type: String?)] {
        let part = #"{"kind":"file","file":{"bytes":"\#(base64)","mimeType":"image/png"}}"#
        let artifact = #"{"artifactId":"a","parts":[\#(part)]}"#
        let task = #"{"kind":"task","id":"t","status":{"state":"completed"},"artifacts":[\#(artifact)]}"#
        let update = #"{"kind":"artifact-update","taskId":"t","artifact":\#(artifact)}"#
        let item = #"{"type":"image_generation_call","id":"i","result":"\#(base64)","output_format":"png"}"#
        let response = #"{"id":"r","status":"completed","output":[\#(item)]}"#
        let image = #"{"type":"image_url","image_url":{"url":"\#(dataURL)"}}"#
        let mastra = MastraAgent(configuration: MastraConfiguration(endpoint: "http://h", agentID: "a"))
        let file = #"{"base64":"\#(base64)","mediaType":"image/png"}"#
        let http = HTTPAgent(configuration: there)
        return [
            (peer(.jsonRPC03), #"{"result":\#(task)}"#, nil),
            (peer(.jsonRPC03), "data: {\"result\":\(update)}\n\ndata: {\"result\":\(task)}\n\n", nil),
            (
                peer(.rest10),
                #"{"message":{"messageId":"m","parts":[{"raw":"\#(base64)","mediaType":"image/png"}]}}"#, nil
            ),
            (ResponsesAgent(configuration: openAI), response, nil),
            (
                ResponsesAgent(configuration: openAI),
                "data: {\"type\":\"response.output_item.done\",\"item\":\(item)}\n\n"
                    + "data: {\"type\":\"response.completed\",\"response\":\(response)}\n\n", nil
            ),
            (
                OpenAIAgent(configuration: openAI),
                #"{"choices":[{"message":{"content":"","images":[\#(image)]},"finish_reason":"stop"}]}"#, nil
            ),
            (
                OpenAIAgent(configuration: openAI),
                "data: {\"choices\":[{\"delta\":{\"images\":[\(image)]}}]}\n\ndata: [DONE]\n\n", nil
            ),
            (mastra, #"{"text":"","files":[\#(file)],"finishReason":"stop"}"#, nil),
            (http, #"{"attachments":[\#(file)]}"#, nil),
            (http, "data: {\"attachments\":[\(file)]}\n\ndata: [DONE]\n\n", "text/event-stream"),
        ]
    }

    @Test func `every agent that can may answer with a picture alone`() throws {
        for (agent, body, type) in AgentFileTests.answers() {
            let decoder = try asked(agent, turn()).decoder
            for chunks in [[Array(body.utf8)], body.utf8.map { [$0] }] {
                let events = decode(chunks, with: decoder, contentType: type)
                let files = events.compactMap { event -> OutboundAttachment? in
                    if case .attachment(let file) = event { file } else { nil }
                }
                #expect(files.map(\.source) == [.bytes(Array("png!".utf8))], "\(agent.name): \(body)")
                #expect(files.map(\.kind) == [.image])
                #expect(failure(events) == nil, "\(agent.name): \(body)")
            }
        }
    }

    @Test func `a stream of Mastra may hold a file between its words`() throws {
        let agent = MastraAgent(configuration: MastraConfiguration(endpoint: "http://h", agentID: "a"))
        let stream =
            #"data: {"type":"text-delta","payload":{"text":"Here"}}"# + "\n\n"
            + #"data: {"type":"file","payload":{"data":"\#(AgentFileTests.base64)","mimeType":"image/png"}}"# + "\n\n"
            + #"data: {"type":"finish","payload":{"stepResult":{"reason":"stop"}}}"# + "\n\n"
        let events = decode(stream, with: try asked(agent, turn(isStreaming: true)).decoder)
        #expect(
            events == [
                .text("Here"), .attachment(AgentFileTests.painted), .finished(AgentReceipt(finishReason: "stop")),
            ])
    }

    // MARK: Tasks that wait for the user

    @Test func `a task that asks back is named in the next message, an interrupt is resumed`() throws {
        let asking =
            #"{"result":{"kind":"task","id":"t7","status":{"state":"input-required","message":{"parts":[{"text":"Where?"}]}}}}"#
        let peer = AgentFileTests.peer(.jsonRPC03)
        guard case .finished(let receipt) = decode(asking, with: try asked(peer, turn()).decoder).last else {
            Issue.record("no end")
            return
        }
        #expect(receipt.continuation == "t7")
        let next = try JSONView(parsing: asked(peer, turn("Rome", continuation: "t7")).request.body)
        #expect(next["params"]["message"]["taskId"].string == "t7")

        let agui = AGUIAgent(configuration: AgentFileTests.there)
        let interrupted =
            #"data: {"type":"RUN_FINISHED","outcome":{"type":"interrupt","interrupts":[{"id":"i1","message":"Where?"},{"id":"i2"}]}}"#
            + "\n\n"
        guard case .finished(let end) = decode(interrupted, with: try asked(agui, turn()).decoder).last else {
            Issue.record("no end")
            return
        }
        let resumed = try JSONView(parsing: asked(agui, turn("Rome", continuation: end.continuation)).request.body)
        #expect(
            AgentFileTests.text(resumed["resume"])
                == #"[{"interruptId":"i1","status":"resolved","payload":"Rome"},{"interruptId":"i2","status":"resolved","payload":"Rome"}]"#
        )
    }
}
