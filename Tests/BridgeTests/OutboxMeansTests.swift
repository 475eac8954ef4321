import BridgeCore
import BridgeTesting
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Bridge

/// Reply tokens, windows, batches and attachments on their way through the outbox.
struct OutboxMeansTests {
    private static func outbox(
        _ loop: EventLoop, _ url: String, able: Bool = false, _ change: (inout Capabilities) -> Void
    ) -> Outbox {
        var capabilities = Capabilities(textLimit: .init(10, .utf16))
        change(&capabilities)
        let plain = PlainAdapter(apiBase: url, capabilities: capabilities)
        let adapter: any Adapter = able ? MediaAdapter(plain: plain) : plain
        return Outbox(
            loop: loop, adapter: adapter, rates: .init(), client: HTTPClient(loop: loop), states: MemoryStates(),
            metrics: PlatformMetrics(Metrics(), platform: plain.platform), log: .silent)
    }

    private static func address(_ rules: Capabilities.ReplyRules, token: Bool = true) -> ReplyAddress {
        var event = event("1")
        if token { event.replyContext = ["token": "x"] }
        return ReplyAddress(event, rules: rules)
    }

    /// What a request told the platform, in short.
    private static func short(_ request: HTTPRequest) -> String {
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        let texts = body["texts"].elements.compactMap(\.string).joined(separator: "|")
        let parts: [String?] = [
            String(request.path.dropFirst()), body["means"].string, body["text"].string, texts.isEmpty ? nil : texts,
            body["kind"].string, body["url"].string, body["reference"].string,
        ]
        return parts.compactMap(\.self).joined(separator: " ")
    }

    @Test func `parts go by the token while it is good, several at a time, and then of our own accord`() async throws {
        let server = try await RecordingServer { _ in .json(Array(#"{"messages":["m"]}"#.utf8)) }
        try await onLoop { loop in
            let rules = Capabilities.ReplyRules(token: .init(lifetime: .seconds(600), uses: 1))
            let outbox = Self.outbox(loop, server.url) {
                $0.replies = rules
                $0.messagesPerRequest = 2
            }
            let delivery = await outbox.send(
                "one\n\ntwo two\n\nthree three", format: .plain, to: Self.address(rules))
            #expect(delivery.failure == nil && delivery.parts == 4)
            #expect(server.requests.map(Self.short) == ["batch reply one|two two", "batch three|three"])
        }
    }

    @Test func `each message knows which of its answer it is, also when it is tried again`() async throws {
        let refused = Mutex(true)
        let server = try await RecordingServer { _ in
            let isFirst = refused.withLock { first in
                defer { first = false }
                return first
            }
            return isFirst ? FakePlatform.refusal("token") : .json(Array(#"{"message":"m"}"#.utf8))
        }
        try await onLoop { loop in
            let rules = Capabilities.ReplyRules(token: .init(lifetime: .seconds(600)))
            let outbox = Self.outbox(loop, server.url) { $0.replies = rules }
            let address = Self.address(rules)
            _ = await outbox.send("one\n\ntwo two\n\nthree", format: .plain, to: address)
            _ = await outbox.perform(.edit(message: PlatformMessageID("m"), text: "1", format: .plain), to: address)
            _ = await outbox.perform(.send(text: "four", format: .plain), to: address)
            let parts = server.requests.map { request -> Int64 in
                ((try? JSONView(parsing: request.body)) ?? .missing)["part"].int ?? 0
            }
            #expect(parts == [0, 0, 1, 2, 0, 3])
            // Another event, another answer.
            _ = await outbox.perform(.send(text: "hi", format: .plain), to: Self.address(rules))
            let last = server.requests.last.flatMap { try? JSONView(parsing: $0.body) }
            #expect(last?["part"].exists == false)
        }
    }

    @Test func `a token that the platform refuses is replaced by a push`() async throws {
        let server = try await RecordingServer { request in
            Self.short(request).contains("reply")
                ? FakePlatform.refusal("token") : .json(Array(#"{"message":"m"}"#.utf8))
        }
        try await onLoop { loop in
            let rules = Capabilities.ReplyRules(token: .init(lifetime: .seconds(600)))
            let outbox = Self.outbox(loop, server.url) { $0.replies = rules }
            let address = Self.address(rules)
            for _ in 0..<2 {
                let result = await outbox.perform(.send(text: "hi", format: .plain), to: address)
                #expect(result == .delivered(PlatformMessageID("m")))
            }
            #expect(server.requests.map(Self.short) == ["send reply hi", "send hi", "send hi"])
        }
    }

    @Test func `an event with an old time is answered all the same: the platform decides`() async throws {
        let server = try await RecordingServer { _ in .json(Array(#"{"message":"m"}"#.utf8)) }
        try await onLoop { loop in
            let rules = Capabilities.ReplyRules(
                token: .init(lifetime: .seconds(600), uses: 1), push: .within(.seconds(86_400)))
            let outbox = Self.outbox(loop, server.url) { $0.replies = rules }
            var late = event("1")
            late.sentAt = Timestamp(seconds: 1_462_629_479)
            late.replyContext = ["token": "x"]
            let address = ReplyAddress(late, rules: rules)
            for _ in 0..<2 {
                let result = await outbox.perform(.send(text: "hi", format: .plain), to: address)
                #expect(result == .delivered(PlatformMessageID("m")))
            }
            #expect(server.requests.map(Self.short) == ["send reply hi", "send hi"])
        }
    }

    @Test(arguments: [
        ([RawServer.Behaviour.close, .refuse("token")], 1, ["reply"]),
        ([.close, .answer], 1, ["reply"]),
        ([.close, .refuse("token"), .answer], nil, ["reply", "push"]),
    ])
    func `a reply whose answer is lost is not pushed once more, if its token works once`(
        behaviours: [RawServer.Behaviour], uses: Int?, means: [String]
    ) async throws {
        let server = RawServer(behaviours)
        defer { server.stop() }
        try await onLoop { loop in
            let rules = Capabilities.ReplyRules(token: .init(lifetime: .seconds(600), uses: uses))
            let outbox = Self.outbox(loop, server.url) {
                $0.replies = rules
                $0.hasIdempotentSends = true
            }
            let result = await outbox.perform(.send(text: "hi", format: .plain), to: Self.address(rules))
            guard case .delivered = result else {
                Issue.record("\(result)")
                return
            }
            let said = server.requests.map { (try? JSONView(parsing: $0))?["means"].string ?? "push" }
            #expect(server.requests.count == behaviours.count)
            #expect(said.reduce(into: []) { if $0.last != $1 { $0.append($1) } } == means)
        }
    }

    @Test func `what the window does not let out is held, reported, and goes out first when the user writes`()
        async throws
    {
        let isOpen = Atomic(false)
        let server = try await RecordingServer { request in
            isOpen.load(ordering: .relaxed)
                ? .json(Array(#"{"message":"m"}"#.utf8)) : FakePlatform.refusal("window", status: 403)
        }
        let agent = try await FakeAgent()
        try await onLoop { loop in
            var capabilities = Capabilities(textLimit: .init(100, .utf16))
            capabilities.replies = .init(push: .within(.seconds(86_400)))
            let engine = Engine(
                loop, adapters: [PlainAdapter(apiBase: server.url, capabilities: capabilities)], agent: agent.agent)
            #expect(engine.take(event("1", "first")))
            #expect(await eventually { engine.metric("chatbridge_held_total") == 1 })
            isOpen.store(true, ordering: .relaxed)
            #expect(engine.take(event("2", "second")))
            #expect(await engine.finish() == 0)
            #expect(
                server.requests.map(Self.short) == ["send Re: first", "send Re: first", "send Re: second"])
            let jobs = try await engine.jobs()
            #expect(jobs.map(\.story) == ["in first", "out! Re: first", "in second", "out Re: second"])
            #expect(jobs[1].metadata.contains("held"))
        }
    }

    @Test func `an attachment goes in the platform's own way, or as a link`() async throws {
        let server = try await RecordingServer { _ in .json(Array(#"{"message":"m"}"#.utf8)) }
        try await onLoop { loop in
            let outbox = Self.outbox(loop, server.url) {
                $0.textLimit = .init(1000, .utf16)
                $0.attachmentsByURL = [.image, .file]
            }
            let address = Self.address(.init())
            for kind in [ContentKind.image, .video] {
                let attachment = OutboundAttachment(kind: kind, source: .url("https://a.example/1"), name: "one")
                let delivery = await outbox.send(attachment, to: address)
                #expect(delivery.failure == nil && delivery.parts == 1)
            }
            let bytes = OutboundAttachment(kind: .image, source: .bytes([1]), name: "two")
            _ = await outbox.send(bytes, to: address)
            #expect(
                server.requests.map(Self.short) == [
                    "attachment image https://a.example/1", "attachment file https://a.example/1",
                    "send [two: cannot be shown here]",
                ])
            let poor = Self.outbox(loop, server.url) { $0.textLimit = .init(1000, .utf16) }
            _ = await poor.send(
                OutboundAttachment(kind: .image, source: .url("https://a.example/1"), name: "one"), to: address)
            #expect(server.requests.last.map(Self.short) == "send one: https://a.example/1")
        }
    }

    @Test func `bytes are brought to the platform step by step; where that fails, a line takes their place`()
        async throws
    {
        let isBroken = Atomic(false)
        let server = try await RecordingServer { request in
            if request.path == "/upload/2", isBroken.load(ordering: .relaxed) { return .json([], status: .forbidden) }
            return request.path.hasPrefix("/upload") ? .text("file-7") : .json(Array(#"{"message":"m"}"#.utf8))
        }
        try await onLoop { loop in
            let outbox = Self.outbox(loop, server.url, able: true) {
                $0.textLimit = .init(1000, .utf16)
                $0.attachmentsByUpload = [.image]
            }
            let attachment = OutboundAttachment(kind: .image, source: .bytes([1, 2, 3]), name: "pic")
            _ = await outbox.send(attachment, to: Self.address(.init()))
            #expect(server.requests.map(\.path) == ["/upload/1", "/upload/2", "/attachment"])
            #expect(server.requests.last.map(Self.short) == "attachment image file-7")
            isBroken.store(true, ordering: .relaxed)
            _ = await outbox.send(attachment, to: Self.address(.init()))
            #expect(server.requests.last.map(Self.short) == "send [pic: cannot be shown here]")
        }
    }

    @Test func `pictures are fetched for agents that look at them, and pages to log in are not pictures`() async throws
    {
        let server = try await RecordingServer { request in
            request.path == "/media/good"
                ? HTTPResponse(headers: ["Content-Type": "image/png"], body: .bytes([1, 2]))
                : .text("<html>log in</html>")
        }
        try await onLoop { loop in
            let outbox = Self.outbox(loop, server.url, able: true) { _ in }
            let fetcher = MediaFetcher(
                adapter: MediaAdapter(plain: PlainAdapter(apiBase: server.url)), outbox: outbox, log: .silent)
            var event = event("1")
            event.attachments = [
                Attachment(kind: .file, reference: "good"), Attachment(kind: .image, reference: "bad"),
                Attachment(kind: .image), Attachment(kind: .image, reference: "good", size: 1 << 30),
                Attachment(kind: .image, reference: "good", name: "a.png"),
            ]
            let pictures = await fetcher.pictures(of: event)
            #expect(pictures == [AgentTurn.Media(contentType: "image/png", bytes: [1, 2], name: "a.png")])
        }
    }
}
