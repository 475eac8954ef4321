import BridgeCore
import BridgeTesting
import Crypto
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import JSON
import TestSupport
import Testing

@testable import Bridge

struct WebhookEndpointTests {
    private static let token: HTTPFields = ["X-Plain-Token": "plain-token"]

    private func withDoor(
        _ body: @escaping @Sendable (Engine, FrontDoor, FakePlatform) async throws -> Void
    ) async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        let local = PlainAdapter(
            platform: PlatformName("local"), apiBase: "",
            capabilities: Capabilities(textLimit: .init(100, .utf8), transport: .local))
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter(), local], agent: agent.agent)
            let door = try await FrontDoor(engine)
            try await body(engine, door, platform)
            await door.close()
        }
    }

    @Test func `a webhook is acknowledged, and every one of its events is taken`() async throws {
        try await withDoor { engine, door, platform in
            let reply = try await door.post(
                "/webhooks/plain",
                #"{"events":[{"id":"1","conversation":"a","text":"1"},{"id":"2","conversation":"b"}]}"#,
                headers: WebhookEndpointTests.token)
            #expect(reply.status == 200 && reply.text.isEmpty)
            #expect(await engine.finish() == 0)
            #expect(platform.texts.sorted() == ["Re: 1", "Re: [text]"])
            #expect(engine.metric("chatbridge_webhooks_received_total") == 1)
        }
    }

    @Test(arguments: [
        ("/webhooks/plain", HTTPMethod.post, "{}", false, 401, "unauthorized"),
        ("/webhooks/plain", .post, "{", true, 400, "malformed"),
        ("/webhooks/plain", .get, "", true, 405, "method_not_allowed"),
        ("/webhooks/other", .post, "{}", true, 404, "platform_not_configured"),
        ("/webhooks/local", .post, #"{"id":"1","conversation":"c"}"#, true, 404, "platform_not_configured"),
    ])
    func `what is refused says why`(
        path: String, method: HTTPMethod, body: String, hasToken: Bool, status: Int, code: String
    ) async throws {
        try await withDoor { engine, door, _ in
            let headers = hasToken ? WebhookEndpointTests.token : [:]
            let reply =
                method == .get
                ? FrontDoor.Reply(try await engine.client.send(door.request(.get, path, headers: headers)))
                : try await door.post(path, body, headers: headers)
            #expect(reply.status == status && reply.code == code)
            #expect(await engine.finish() == 0)
            let story = try await engine.story()
            #expect(story.isEmpty)
        }
    }

    @Test func `an engine that is full or stopping sends the platform away for a second`() async throws {
        try await withDoor { engine, door, _ in
            #expect(await engine.finish() == 0)
            let body = #"{"id":"1","conversation":"a","text":"1"}"#
            let reply = try await door.post("/webhooks/plain", body, headers: WebhookEndpointTests.token)
            #expect(reply.status == 503 && reply.retryAfter == "1" && reply.code == "overloaded")
        }
    }

    @Test func `who keeps failing verification is told to slow down, and a platform at the same address is not`()
        async throws
    {
        try await withDoor { engine, door, _ in
            // Verified and malformed webhooks count for nothing.
            for number in 0..<70 {
                let body = #"{"id":"a\#(number)","conversation":"a","record":true}"#
                let good = try await door.post("/webhooks/plain", body, headers: WebhookEndpointTests.token)
                let bad = try await door.post("/webhooks/plain", "{", headers: WebhookEndpointTests.token)
                #expect(good.status == 200 && bad.status == 400)
            }
            for number in 1...62 {
                let reply = try await door.post("/webhooks/plain", "{}")
                #expect(reply.status == (number <= 60 ? 401 : 429), "refusal \(number)")
                if number > 60 { #expect(reply.retryAfter == "60") }
            }
            let body = #"{"id":"b","conversation":"a","record":true}"#
            let good = try await door.post("/webhooks/plain", body, headers: WebhookEndpointTests.token)
            #expect(good.status == 200)
            // The operator reads of it once.
            #expect(engine.logged.all.filter { $0.contains("is the secret") }.count == 1)
        }
    }

    @Test func `refusals are forgiven after a minute, and other addresses have their own count`() throws {
        let limiter = RefusalLimiter()
        let (one, other) = (try #require(HTTPPeer("192.0.2.1")), try #require(HTTPPeer("192.0.2.2")))
        let start = ContinuousClock.now
        let verdicts = (1...61).map { _ in limiter.count(one, at: start) }
        #expect(verdicts.first == .first && verdicts[59] == .repeated && verdicts[60] == .overLimit)
        #expect(limiter.count(other, at: start) == .first)
        #expect(limiter.count(one, at: start + .seconds(59)) == .overLimit)
        #expect(limiter.count(one, at: start + .seconds(61)) == .first)
    }

    @Test func `a simulated webhook is answered where it came from, and its platform hears nothing`() async throws {
        try await withDoor { engine, door, platform in
            let body = #"{"id":"1","conversation":"a","text":"hi","ack":"button"}"#
            let reply = try await door.post("/api/simulate/plain", body, headers: WebhookEndpointTests.token)
            #expect(reply.status == 200 && reply.json["answer"].string == "Re: hi")
            let stages = reply.json["stages"].elements.compactMap { $0["name"].string }
            #expect(stages == ["verified", "agent first byte", "agent done"])
            let forged = try await door.post("/api/simulate/plain", body)
            let again = try await door.post("/api/simulate/plain", body, headers: WebhookEndpointTests.token)
            let unknown = try await door.post("/api/simulate/other", body, headers: WebhookEndpointTests.token)
            #expect(forged.status == 401 && again.status == 400 && unknown.status == 404)
            #expect(platform.all.isEmpty)
            let story = try await engine.story()
            #expect(story == ["in hi", "out Re: hi"])
        }
    }

    private static func simulate(
        _ adapter: any Adapter, headers: HTTPFields, apiToken: String?
    ) async throws -> (status: Int, answer: String?) {
        try await onLoop { loop in
            let agent = try await FakeAgent()
            let engine = Engine(loop, adapters: [adapter], agent: agent.agent)
            let door = try await FrontDoor(engine, token: apiToken)
            let body = #"{"id":"1","conversation":"a","text":"hi"}"#
            let reply = try await door.post("/api/simulate/plain", body, headers: headers)
            await door.close()
            return (reply.status, reply.json["answer"].string)
        }
    }

    @Test(
        arguments: [
            (nil, "Bearer webhook", nil, 200), (nil, nil, nil, 401), ("Bearer api", "Bearer webhook", "api", 200),
            ("Bearer api", nil, "api", 401), ("Bearer webhook", "Bearer webhook", "api", 401),
            ("Bearer webhook", nil, nil, 401),
        ] as [(String?, String?, String?, Int)])
    func `a simulated webhook's own authorization stands in a field of its own`(
        ours: String?, webhooks: String?, apiToken: String?, status: Int
    ) async throws {
        var headers = HTTPFields()
        headers["Authorization"] = ours
        headers[SimulationEndpoint.authorizationField] = webhooks
        let adapter = BearerAdapter(plain: PlainAdapter(apiBase: ""))
        let reply = try await Self.simulate(adapter, headers: headers, apiToken: apiToken)
        #expect(reply.status == status)
        #expect(reply.answer == (status == 200 ? "Re: hi" : nil))
    }

    @Test func `where keys are published, the key that everybody knows signs simulations`() async throws {
        let keys = String(decoding: SimulationKey.keySet(endorsements: ["plain"]), as: UTF8.self)
        let adapter = KeyedAdapter(plain: PlainAdapter(apiBase: ""))
        var headers = Self.token
        headers["X-Key"] = keys
        #expect(try await Self.simulate(adapter, headers: headers, apiToken: nil).answer == "Re: hi")
        headers["X-Key"] = "another"
        #expect(try await Self.simulate(adapter, headers: headers, apiToken: nil).status == 401)
    }
}
