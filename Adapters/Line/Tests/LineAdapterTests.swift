import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import LineAdapter
import Testing

/// The adapter at its edges: who may send, what goes out, what comes back.
struct LineAdapterTests {
    typealias S = LineSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func refusal(_ status: Int, _ message: String, means kind: DeliveryFailure.Kind)
        -> ConformanceProfile.Response
    {
        .init(message, status: status, body: #"{"message":"\#(message)"}"#, means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"sentMessages":[{"id":"461230966842064897","quoteToken":"IStG5h1Tz7b"}]}"#,
            means: .delivered(PlatformMessageID("461230966842064897"))),
        .init(
            "sent by one request", to: .sendBatch(texts: ["a", "b"], format: .plain), status: 200,
            body: #"{"sentMessages":[{"id":"1"},{"id":"2"}]}"#,
            means: .deliveredBatch([PlatformMessageID("1"), PlatformMessageID("2")])),
        .init("sent, without a name", status: 200, body: "{}", means: .delivered(nil)),
        .init("typing shown", to: .typing, status: 202, body: "{}", means: .delivered(nil)),
        .init(
            "taken at an earlier try", status: 409,
            body: #"{"message":"The retry key is already accepted","sentMessages":[{"id":"9"}]}"#,
            means: .delivered(PlatformMessageID("9"))),
        .init(
            "taken at an earlier try, told by a header", status: 409,
            headers: ["x-line-accepted-request-id": "123e4567"], body: "", means: .delivered(nil)),
        refusal(409, "The retry key conflicts with another request", means: .refused),
        refusal(429, "The API rate limit has been exceeded. Try again later.", means: .rateLimited(after: nil)),
        .init(
            "too many requests at a proxy", status: 429, headers: ["Retry-After": "7"], body: "slow down",
            means: failed(.rateLimited(after: .seconds(7)))),
        refusal(429, "You have reached your monthly limit.", means: .windowClosed),
        refusal(
            401, "Authentication failed. Confirm that the access token in the authorization header is valid.",
            means: .unauthorized),
        refusal(403, "Access to this resource denied", means: .blocked),
        refusal(403, "Your account is not authorized for this plan", means: .unauthorized),
        refusal(404, "Not found", means: .gone), refusal(400, "Failed to send messages", means: .gone),
        refusal(400, "The property, 'to', in the request body is invalid (line: -, column: -)", means: .gone),
        refusal(400, "Invalid reply token", means: .refused),
        .init(
            "a text too long", status: 400,
            body:
                #"{"message":"The request body has 1 error(s)","details":[{"message":"Length must be between 0 and 5000","property":"messages[0].text"}]}"#,
            means: failed(.refused)),
        .init(
            "a quote that cannot be shown", status: 400,
            body:
                #"{"message":"The request body has 1 error(s)","details":[{"message":"Invalid","property":"messages[0].quoteToken"}]}"#,
            means: failed(.formattingRefused)),
        .init(
            "a quote that cannot be shown, in plain words", to: .send(text: "x", format: .plain), status: 400,
            body: #"{"message":"The quoteToken is invalid"}"#, means: failed(.refused)),
        refusal(500, "Internal server error", means: .temporary),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-Line-Signature"], coversBody: true, tolerance: nil, sign: { body, _ in S.signed(body) },
            signWrongly: { body, _ in S.signed(body, key: "5eed0fa11eaf5eed0fa11eaf5eed0fa2") }),
        payloads: LineEventTests.rows.enumerated().map { number, row in
            .init("webhook \(number)", row.body, row.expected)
        },
        message: { S.text($0) }, malformed: ["{}", #"{"events":{}}"#, #"{"destination":"Ubot"}"#],
        responses: responses, secrets: [S.token, S.secret])

    @Test func `a long answer arrives complete, in messages that LINE takes`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hi", number: 1, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(LongAnswer().findings(through: S.adapter, answering: event, counting: { $0 }, at: S.now) == [])
    }

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile).findings() == [])
    }

    @Test func `a reply token that is used up sends the text as a push`() {
        let response = OutboundResponse(status: .badRequest, body: Array(#"{"message":"Invalid reply token"}"#.utf8))
        let reply = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "x", format: .plain),
            place: .init(conversation: ConversationID("Umika")), means: .reply, replyContext: ["reply_token": "r0"])
        guard case .failed(let failure) = S.adapter.interpret(response, to: reply) else {
            Issue.record("delivered")
            return
        }
        #expect(failure.kind == .replyRefused)
    }

    @Test func `only POST is taken`() {
        var webhook = S.signed(Array(S.body().utf8))
        webhook.method = .get
        #expect(throws: WebhookRejection(.methodNotAllowed, "LINE sends its webhooks by POST")) {
            try S.adapter.receive(webhook, at: S.now)
        }
    }

    static let picture = OutboundAttachment(kind: .image, source: .url("https://stickershop.line-scdn.net/p.png"))
    static let film = OutboundAttachment(kind: .video, source: .url("https://x.test/f.mp4"))

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "Ahoj \"všem\"", format: .plain), OutboundAction.Means.reply, S.mika,
            "message/reply", #"{"replyToken":"r0","messages":[{"type":"text","text":"Ahoj \"všem\""}]}"#
        ),
        (
            .send(text: "**Hi** [pier](https://x.test/)", format: .markdown), .push, S.mika, "message/push",
            #"{"to":"Umika","messages":[{"type":"text","text":"Hi pier (https://x.test/)"}]}"#
        ),
        (
            .send(text: "a", format: .plain), .push, S.mika, "message/push",
            #"{"to":"Umika","messages":[{"type":"text","text":"a"}]}"#
        ),
        (
            .sendBatch(texts: ["a", "b"], format: .markdown), .reply, S.group, "message/reply",
            #"{"replyToken":"r0","messages":[{"type":"text","text":"a","quoteToken":"q7"},{"type":"text","text":"b"}]}"#
        ),
        (
            .sendAttachment(picture, caption: "the pier"), .push, S.group, "message/push",
            #"{"to":"Ccrew","messages":[{"type":"image","originalContentUrl":"https://stickershop.line-scdn.net/p.png","previewImageUrl":"https://stickershop.line-scdn.net/p.png"},{"type":"text","text":"the pier"}]}"#
        ),
        (
            .sendAttachment(film, caption: nil), .push, S.group, "message/push",
            #"{"to":"Ccrew","messages":[{"type":"text","text":"https://x.test/f.mp4"}]}"#
        ),
        (.typing, .push, S.mika, "chat/loading/start", #"{"chatId":"Umika","loadingSeconds":20}"#),
    ])
    func `an action becomes a call of the Messaging API`(
        kind: OutboundAction.Kind, means: OutboundAction.Means, source: String, method: String, body: String
    ) throws {
        let event = try #require(try S.events(S.text(#""x""#, source: source)).first)
        let action = OutboundAction(
            id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind, place: event.place,
            means: means, replyContext: event.replyContext)
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(request.url == "https://api.example.test/v2/bot/\(method)")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
        #expect(request.headers["Authorization"] == "Bearer \(S.token)")
        let key = request.headers["X-Line-Retry-Key"]
        #expect(key == (method == "message/push" ? "01990000-0000-7000-8000-000000000001" : nil))
    }

    @Test(arguments: [
        (0, OutboundAction.Format.markdown, true), (1, .markdown, false),
        // The second try, where LINE did not take the quote.
        (0, .plain, false),
    ])
    func `in a group the first message shows what it answers`(
        part: Int, format: OutboundAction.Format, isQuoting: Bool
    ) throws {
        let event = try #require(try S.events(S.text(#""x""#, source: S.group)).first)
        let action = OutboundAction(
            id: UUID(high: 0, low: 0), kind: .send(text: "a", format: format), place: event.place, part: part,
            replyContext: event.replyContext)
        let request = try #require(S.adapter.encode(action, at: S.now))
        let message = try JSONView(parsing: request.body)["messages"][0]
        #expect(message["quoteToken"].string == (isQuoting ? "q7" : nil))
    }

    @Test func `a group sees no typing, and nothing is edited`() throws {
        let event = try #require(try S.events(S.text(#""x""#, source: S.group)).first)
        for kind in [OutboundAction.Kind.typing, .edit(message: PlatformMessageID("1"), text: "x", format: .plain)] {
            let action = OutboundAction(id: UUID(high: 0, low: 0), kind: kind, place: event.place)
            #expect(S.adapter.encode(action, at: S.now) == nil)
        }
    }

    // MARK: Media

    @Test func `content comes from its own host, a film once it is prepared`() {
        let photo = Attachment(kind: .image, reference: "777")
        guard case .request(let request) = S.adapter.fetchMedia(photo, after: []) else {
            Issue.record("no request")
            return
        }
        #expect(request.url == "https://data.example.test/v2/bot/message/777/content")
        #expect(request.headers["Authorization"] == "Bearer \(S.token)")
        guard case .content = S.adapter.fetchMedia(photo, after: [OutboundResponse(status: .ok)]) else {
            Issue.record("no content")
            return
        }
        let film = Attachment(kind: .video, reference: "778")
        let ready = OutboundResponse(status: .ok, body: Array(#"{"status":"succeeded"}"#.utf8))
        guard case .request(let first) = S.adapter.fetchMedia(film, after: []),
            case .request(let second) = S.adapter.fetchMedia(film, after: [ready])
        else {
            Issue.record("no request")
            return
        }
        #expect(first.url.hasSuffix("/778/content/transcoding"))
        #expect(second.url.hasSuffix("/778/content"))
    }

    @Test(arguments: [
        (Attachment(kind: .sticker, reference: "1988"), [OutboundResponse]()),
        (Attachment(kind: .image, reference: "../../info"), []),
        (Attachment(kind: .image, reference: "777"), [OutboundResponse(status: .notFound)]),
        (
            Attachment(kind: .audio, reference: "777"),
            [OutboundResponse(status: .ok, body: Array(#"{"status":"failed"}"#.utf8))]
        ),
    ])
    func `what cannot be had is not asked for`(attachment: BridgeCore.Attachment, responses: [OutboundResponse]) {
        guard case .unavailable = S.adapter.fetchMedia(attachment, after: responses) else {
            Issue.record("asked for")
            return
        }
    }

    @Test func `a film that is not ready is asked for again later`() {
        let busy = OutboundResponse(status: .ok, body: Array(#"{"status":"processing"}"#.utf8))
        guard case .notYet = S.adapter.fetchMedia(Attachment(kind: .video, reference: "778"), after: [busy]) else {
            Issue.record("not asked for again")
            return
        }
    }

    @Test func `a picture at its own address is fetched without the token`() {
        let picture = Attachment(kind: .image, url: "https://stickershop.line-scdn.net/p.png")
        guard case .request(let request) = S.adapter.fetchMedia(picture, after: []) else {
            Issue.record("no request")
            return
        }
        #expect(request.url == "https://stickershop.line-scdn.net/p.png")
        #expect(request.headers["Authorization"] == nil)
        #expect(!request.bearsToken)
    }

    // MARK: For the operator

    @Test(arguments: [
        (
            0, 200, #"{"userId":"Ub","basicId":"@216ru","displayName":"Harbour"}"#,
            CredentialFinding.good("Harbour (@216ru)")
        ),
        (
            0, 401, #"{"message":"Authentication failed."}"#,
            .bad(
                "LINE refuses the token (Authentication failed.): issue it again in the console, Messaging API tab")
        ),
        (0, 503, "", .warning("LINE could not say: HTTP 503 without an answer of LINE's")),
        (1, 200, #"{"endpoint":"https://b.test/webhooks/line","active":true}"#, .good("https://b.test/webhooks/line")),
        (
            1, 200, #"{"endpoint":"https://b.test/webhooks/line","active":false}"#,
            .bad("https://b.test/webhooks/line is set, but \"Use webhook\" is off in the console: turn it on")
        ),
        (
            1, 404, #"{"message":"Not found"}"#,
            .bad("no webhook is set: LINE has nowhere to send to (chatbridge webhooks set line)")
        ),
    ])
    func `a trial of the credentials says what it found`(
        check: Int, status: Int, body: String, finding: CredentialFinding
    ) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        let checks = S.adapter.credentialChecks()
        #expect(S.adapter.interpretCredentialCheck(response, of: checks[check]) == finding)
    }

    @Test func `a webhook is set by PUT`() throws {
        let request = S.adapter.registerWebhook(at: "https://b.test/webhooks/line")
        #expect(request.method == .put)
        #expect(request.url == "https://api.example.test/v2/bot/channel/webhook/endpoint")
        #expect(String(decoding: request.body, as: UTF8.self) == #"{"endpoint":"https://b.test/webhooks/line"}"#)
        #expect(S.adapter.interpretRegistration(OutboundResponse(status: .ok, body: Array("{}".utf8))) == nil)
        let refused = OutboundResponse(
            status: .badRequest, body: Array(#"{"message":"Invalid webhook endpoint URL"}"#.utf8))
        #expect(S.adapter.interpretRegistration(refused)?.kind == .refused)
        #expect(
            S.adapter.interpretWebhookQuery(OutboundResponse(status: .notFound, body: Array("{}".utf8))) == .none)
    }

    // MARK: Playing LINE

    @Test func `a simulated webhook is a message that is answered`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hé \"llo\"", number: 77, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "hé \"llo\"")
        #expect(ExpectedEvent(of: event).isAnswered)
        let reply = try #require(
            S.adapter.encode(
                OutboundAction(
                    id: UUID(high: 0, low: 0), kind: .send(text: "echo", format: .plain), place: event.place,
                    means: .reply, replyContext: event.replyContext), at: S.now))
        let answer = try #require(Self.fake(reply, number: 5))
        #expect(
            answer.actions == [
                .message(
                    conversation: event.place.conversation.rawValue, id: "520000000000000050", text: "echo")
            ])
    }

    static func fake(_ request: OutboundRequest, number: Int64 = 1) -> FakeAnswer? {
        let target = String(request.url.dropFirst("https://api.example.test".count))
        return S.adapter.fakeAnswer(
            to: FakeRequest(
                method: request.method, target: target, headers: request.headers, body: request.body),
            number: number, at: S.now)
    }

    @Test func `the fake takes what LINE takes and refuses what it refuses`() throws {
        let place = InboundEvent.Place(conversation: ConversationID("Umika"))
        func answer(_ kind: OutboundAction.Kind) throws -> FakeAnswer {
            let action = OutboundAction(id: UUID(high: 1, low: 2), kind: kind, place: place)
            let request = try #require(S.adapter.encode(action, at: S.now))
            return try #require(Self.fake(request))
        }
        let batch = try answer(.sendBatch(texts: ["a", "b"], format: .plain))
        #expect(batch.actions.count == 2)
        let action = OutboundAction(
            id: UUID(high: 1, low: 2), kind: .sendBatch(texts: ["a", "b"], format: .plain), place: place)
        #expect(
            S.adapter.interpret(batch.response, to: action)
                == .deliveredBatch([PlatformMessageID("520000000000000010"), PlatformMessageID("520000000000000011")]))
        #expect(try answer(.typing).actions == [.typing(conversation: "Umika")])
        #expect(
            try answer(.send(text: String(repeating: "x", count: 5001), format: .plain)).response.status == .badRequest)
        var forged = try #require(
            S.adapter.encode(
                OutboundAction(id: UUID(high: 1, low: 2), kind: .typing, place: place), at: S.now))
        forged.headers["Authorization"] = "Bearer other"
        #expect(Self.fake(forged)?.response.status == .unauthorized)
    }

    // MARK: Published vectors

    /// The published vectors, when their folder is there.
    static let vectors: [JSONView] = {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "line"),
            let file = try? JSONView(parsing: bytes)
        else { return [] }
        return Array(file["vectors"].elements)
    }()

    /// What became of a vector's request: authentic requests may still be no webhooks.
    static func isAuthentic(_ vector: JSONView, body: [UInt8], header: String? = nil) throws -> Bool {
        let adapter = LineAdapter(
            configuration: LineConfiguration(
                channelSecret: Secret(try #require(vector["channel_secret"].string)), accessToken: "none"))
        var headers = HTTPFields()
        for (name, value) in vector["headers"].members { headers[name] = header ?? value.string }
        do throws(WebhookRejection) {
            _ = try adapter.receive(WebhookRequest(target: "/webhooks/line", headers: headers, body: body), at: S.now)
            return true
        } catch {
            return error.reason != .unauthorized
        }
    }

    @Test(arguments: vectors.indices)
    func `a published signature vector is judged rightly`(index: Int) throws {
        let vector = Self.vectors[index]
        let body = Array((vector["raw_body"].string ?? "").utf8)
        let isValid = vector["expected_valid"].bool == true
        #expect(try Self.isAuthentic(vector, body: body) == isValid)
        guard isValid else { return }
        for position in body.indices {
            var tampered = body
            tampered[position] ^= 1
            #expect(try !Self.isAuthentic(vector, body: tampered))
        }
        let header = try #require(vector["headers"]["X-Line-Signature"].string)
        for tampered in [String(header.dropLast()), header + "=", header.lowercased(), ""] {
            #expect(try !Self.isAuthentic(vector, body: body, header: tampered))
        }
    }
}
