import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing
import ViberAdapter

/// The adapter at its edges: who may send, what goes out, what comes back.
struct ViberAdapterTests {
    typealias S = ViberSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func refusal(_ status: Int, _ message: String, means kind: DeliveryFailure.Kind)
        -> ConformanceProfile.Response
    {
        .init(
            message, status: 200, body: #"{"status":\#(status),"status_message":"\#(message)"}"#, means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"status":0,"status_message":"ok","message_token":5741311803571721087}"#,
            means: .delivered(PlatformMessageID("5741311803571721087"))),
        refusal(2, "invalidAuthToken", means: .unauthorized), refusal(3, "badData", means: .refused),
        refusal(5, "receiverNotRegistered", means: .gone), refusal(6, "receiverNotSubscribed", means: .blocked),
        refusal(9, "publicAccountSuspended", means: .unauthorized), refusal(10, "webhookNotSet", means: .unauthorized),
        refusal(11, "receiverNoSuitableDevice", means: .gone),
        refusal(12, "tooManyRequests", means: .rateLimited(after: nil)), refusal(77, "somethingNew", means: .refused),
        refusal(99, "generalError", means: .temporary),
        .init(
            "too many requests at a proxy", status: 429, headers: ["Retry-After": "4"], body: "",
            means: failed(.rateLimited(after: .seconds(4)))),
        .init("a status that is no number", status: 200, body: #"{"status":"0"}"#, means: failed(.uncertain)),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
        .init("a fault of theirs", status: 503, body: "busy", means: failed(.temporary)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-Viber-Content-Signature"], coversBody: true, tolerance: nil,
            sign: { body, _ in S.signed(body) },
            signWrongly: { body, _ in S.signed(body, key: "50aa0000000000-17ab000000000000-0c0ffee000000001") }),
        payloads: ViberEventTests.rows.enumerated().map { number, row in
            .init("callback \(number)", row.body, row.expected)
        },
        message: { S.message(#""type":"text","text":\#($0)"#) },
        malformed: ["{}", #"{"event":""}"#, #"{"event":7}"#, #"{"message_token":1}"#], responses: responses,
        secrets: [S.token], apiPath: "/pa")

    @Test func `a long answer arrives complete, in messages that Viber takes`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hi", number: 1, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(LongAnswer().findings(through: S.adapter, answering: event, counting: { $0 }, at: S.now) == [])
    }

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile).findings() == [])
    }

    @Test func `the signature may stand in the address`() throws {
        let body = Array(S.callback("subscribed").utf8)
        let signature = try #require(S.signed(body).headers["X-Viber-Content-Signature"])
        var webhook = WebhookRequest(target: "/webhooks/viber?sig=\(signature)", headers: [:], body: body)
        #expect(try S.adapter.receive(webhook, at: S.now).events.count == 1)
        webhook.body.append(0x20)
        #expect(throws: WebhookRejection.self) { try S.adapter.receive(webhook, at: S.now) }
    }

    static let picture = OutboundAttachment(kind: .image, source: .url("https://x.test/p.jpg"))

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "Hei \"du\"", format: .plain),
            #"{"receiver":"dXNlcg==","sender":{"name":"Harbour","avatar":"https://x.test/a.png"},"type":"text","text":"Hei \"du\""}"#
        ),
        (
            .send(text: "**Hei** `du` ~~nei~~", format: .markdown),
            #"{"receiver":"dXNlcg==","sender":{"name":"Harbour","avatar":"https://x.test/a.png"},"type":"text","text":"*Hei* ```du``` ~nei~"}"#
        ),
        (
            .sendAttachment(picture, caption: "the pier"),
            #"{"receiver":"dXNlcg==","sender":{"name":"Harbour","avatar":"https://x.test/a.png"},"type":"picture","text":"the pier","media":"https://x.test/p.jpg"}"#
        ),
        (
            .sendAttachment(picture, caption: nil),
            #"{"receiver":"dXNlcg==","sender":{"name":"Harbour","avatar":"https://x.test/a.png"},"type":"picture","text":"","media":"https://x.test/p.jpg"}"#
        ),
        (
            .sendAttachment(OutboundAttachment(kind: .video, source: .url("https://x.test/v.mp4")), caption: "film"),
            #"{"receiver":"dXNlcg==","sender":{"name":"Harbour","avatar":"https://x.test/a.png"},"type":"text","text":"film\nhttps://x.test/v.mp4"}"#
        ),
    ])
    func `an action becomes a call of the API`(kind: OutboundAction.Kind, body: String) throws {
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: kind, place: .init(conversation: ConversationID("dXNlcg==")))
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(request.url == "https://viber.example.test/pa/send_message")
        #expect(request.headers["X-Viber-Auth-Token"] == S.token)
        #expect(String(decoding: request.body, as: UTF8.self) == body)
    }

    @Test func `what Viber has no call for is not sent`() {
        let place = InboundEvent.Place(conversation: ConversationID("u"))
        for kind in [OutboundAction.Kind.typing, .edit(message: PlatformMessageID("1"), text: "x", format: .plain)] {
            let action = OutboundAction(id: UUID(high: 0, low: 0), kind: kind, place: place)
            #expect(S.adapter.encode(action, at: S.now) == nil)
        }
    }

    // MARK: For the operator

    @Test(arguments: [
        (
            #"{"status":0,"status_message":"ok","name":"Harbour","webhook":"https://b.test/webhooks/viber","subscribers_count":35}"#,
            CredentialFinding.good("Harbour (35 subscribers), https://b.test/webhooks/viber")
        ),
        (
            #"{"status":0,"status_message":"ok","name":"Harbour"}"#,
            .bad(
                "Harbour (0 subscribers): no webhook is set, nobody can write to the bot (chatbridge webhooks set viber)"
            )
        ),
        (
            #"{"status":2,"status_message":"invalidAuthToken"}"#,
            .bad("Viber refuses the token (2 invalidAuthToken): copy it again from the bot's Edit Info screen")
        ),
    ])
    func `a trial of the credentials says what it found`(body: String, finding: CredentialFinding) {
        let response = OutboundResponse(status: .ok, body: Array(body.utf8))
        #expect(S.adapter.interpretCredentialCheck(response, of: S.adapter.credentialChecks()[0]) == finding)
    }

    @Test func `a webhook is set, seen and removed`() throws {
        let set = S.adapter.registerWebhook(at: "https://b.test/webhooks/viber")
        #expect(set.url == "https://viber.example.test/pa/set_webhook")
        let body = try JSONView(parsing: set.body)
        #expect(body["url"].string == "https://b.test/webhooks/viber")
        #expect(body["event_types"].elements.contains { $0.string == "seen" })
        let removal = try #require(S.adapter.removeWebhook())
        #expect(String(decoding: removal.body, as: UTF8.self) == #"{"url":""}"#)
        let account = #"{"status":0,"webhook":"https://b.test/webhooks/viber","event_types":["seen"]}"#
        #expect(
            S.adapter.interpretWebhookQuery(OutboundResponse(status: .ok, body: Array(account.utf8)))
                == .registered(url: "https://b.test/webhooks/viber", remarks: ["events: seen"]))
        let refused = OutboundResponse(status: .ok, body: Array(#"{"status":1,"status_message":"invalidUrl"}"#.utf8))
        #expect(S.adapter.interpretRegistration(refused)?.kind == .refused)
    }

    @Test func `a picture is fetched from where it is, without the token`() {
        let picture = Attachment(kind: .image, url: "https://dl-media.viber.com/1")
        guard case .request(let request) = S.adapter.fetchMedia(picture, after: []),
            case .content = S.adapter.fetchMedia(picture, after: [OutboundResponse(status: .ok)]),
            case .unavailable = S.adapter.fetchMedia(picture, after: [OutboundResponse(status: .notFound)]),
            case .unavailable = S.adapter.fetchMedia(Attachment(kind: .sticker, reference: "1"), after: [])
        else {
            Issue.record("not so")
            return
        }
        #expect(request.url == "https://dl-media.viber.com/1")
        #expect(request.headers["X-Viber-Auth-Token"] == nil)
    }

    // MARK: Playing Viber

    static func fake(_ request: OutboundRequest) -> FakeAnswer? {
        S.adapter.fakeAnswer(
            to: FakeRequest(
                method: request.method, target: String(request.url.dropFirst("https://viber.example.test/pa".count)),
                headers: request.headers, body: request.body), number: 3, at: S.now)
    }

    @Test func `a simulated webhook is answered, and the fake takes the answer`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hé \"llo\"", number: 77, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "hé \"llo\"")
        #expect(ExpectedEvent(of: event).isAnswered)
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "echo", format: .plain), place: event.place)
        let request = try #require(S.adapter.encode(action, at: S.now))
        let answer = try #require(Self.fake(request))
        let id = "5200000000000000003"
        #expect(
            answer.actions == [.message(conversation: event.place.conversation.rawValue, id: id, text: "echo")])
        #expect(S.adapter.interpret(answer.response, to: action) == .delivered(PlatformMessageID(id)))
    }

    @Test func `the fake refuses what Viber refuses`() throws {
        let place = InboundEvent.Place(conversation: ConversationID("u"))
        let long = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: String(repeating: "x", count: 7001), format: .plain),
            place: place)
        var request = try #require(S.adapter.encode(long, at: S.now))
        let tooLong = try #require(Self.fake(request))
        #expect(S.adapter.interpret(tooLong.response, to: long) == Self.failure(.refused, "3 badData"))
        request.headers["X-Viber-Auth-Token"] = "other"
        let forged = try #require(Self.fake(request))
        #expect(S.adapter.interpret(forged.response, to: long) == Self.failure(.unauthorized, "2 invalidAuthToken"))
    }

    @Test(arguments: [
        (PlatformFault.rateLimited(after: .seconds(5)), DeliveryFailure.Kind.rateLimited(after: .seconds(5))),
        (.serverError, .temporary), (.unauthorized, .unauthorized), (.blocked, .blocked), (.gone, .gone),
    ])
    func `a fault of the fake is understood`(fault: PlatformFault, kind: DeliveryFailure.Kind) {
        let request = FakeRequest(method: .post, target: "/send_message", headers: [:], body: [])
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "x", format: .plain),
            place: .init(conversation: ConversationID("u")))
        guard case .failed(let failure) = S.adapter.interpret(S.adapter.fakeFault(fault, to: request), to: action)
        else {
            Issue.record("delivered")
            return
        }
        #expect(failure.kind == kind)
    }

    static func failure(_ kind: DeliveryFailure.Kind, _ reason: String) -> DeliveryResult {
        .failed(DeliveryFailure(kind, reason: reason))
    }

    // MARK: Published vectors

    /// The published vectors, when their folder is there.
    static let vectors: [JSONView] = {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "viber"),
            let file = try? JSONView(parsing: bytes)
        else { return [] }
        return Array(file["vectors"].elements)
    }()

    static func isAccepted(_ vector: JSONView, body: [UInt8], header: String? = nil) throws -> Bool {
        let adapter = ViberAdapter(
            configuration: ViberConfiguration(authToken: Secret(try #require(vector["auth_token"].string))))
        var headers = HTTPFields()
        for (name, value) in vector["headers"].members { headers[name] = header ?? value.string }
        let request = WebhookRequest(target: "/webhooks/viber", headers: headers, body: body)
        return (try? adapter.receive(request, at: S.now)) != nil
    }

    @Test(arguments: vectors.indices)
    func `a published signature vector is judged rightly`(index: Int) throws {
        let vector = Self.vectors[index]
        let body = Array((vector["raw_body"].string ?? "").utf8)
        let isValid = vector["expected_valid"].bool == true
        #expect(try Self.isAccepted(vector, body: body) == isValid)
        guard isValid else { return }
        for position in body.indices {
            var tampered = body
            tampered[position] ^= 1
            #expect(try !Self.isAccepted(vector, body: tampered))
        }
        let header = try #require(vector["headers"]["X-Viber-Content-Signature"].string)
        for tampered in [String(header.dropLast()), header + "0", header.uppercased(), ""] {
            #expect(try !Self.isAccepted(vector, body: body, header: tampered))
        }
    }
}
