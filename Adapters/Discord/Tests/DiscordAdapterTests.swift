import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import JSON
import Testing

@testable import DiscordAdapter

/// The adapter at its edges: who may send, what goes out, what comes back.
struct DiscordAdapterTests {
    typealias S = DiscordSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func refusal(
        _ code: Int, status: Int, to action: OutboundAction.Kind = .send(text: "words", format: .markdown),
        means kind: DeliveryFailure.Kind
    ) -> ConformanceProfile.Response {
        .init(
            "\(status) \(code)", to: action, status: status, body: #"{"message":"No","code":\#(code)}"#,
            means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"id":"1420000000000000999","channel_id":"500","content":"words"}"#,
            means: .delivered(PlatformMessageID("1420000000000000999"))),
        .init(
            "edited", to: .edit(message: PlatformMessageID("77"), text: "x", format: .plain), status: 200,
            body: #"{"id":"77"}"#, means: .delivered(PlatformMessageID("77"))),
        .init("typing shown", to: .typing, status: 204, body: "", means: .delivered(nil)),
        .init("seen", to: .acknowledgeButton(id: "1"), status: 204, body: "", means: .delivered(nil)),
        .init(
            "seen before", to: .acknowledgeButton(id: "1"), status: 400,
            body: #"{"message":"Interaction has already been acknowledged.","code":40060}"#, means: .delivered(nil)),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "1"],
            body: #"{"message":"You are being rate limited.","retry_after":1.337,"global":false}"#,
            means: failed(.rateLimited(after: .milliseconds(1337)))),
        .init(
            "too many requests of the bot", status: 429, headers: ["Retry-After": "65", "X-RateLimit-Global": "true"],
            body: #"{"message":"You are being rate limited.","retry_after":64.57,"global":true}"#,
            means: failed(.rateLimited(after: .seconds(65)))),
        .init(
            "a proxy's 429", status: 429, headers: ["Retry-After": "12"], body: "error code: 1015",
            means: failed(.rateLimited(after: .seconds(12)))),
        refusal(0, status: 401, means: .unauthorized), refusal(50_007, status: 403, means: .blocked),
        refusal(50_001, status: 403, means: .blocked), refusal(50_013, status: 403, means: .blocked),
        refusal(10_003, status: 404, means: .gone),
        refusal(
            10_008, status: 404, to: .edit(message: PlatformMessageID("7"), text: "x", format: .plain), means: .gone),
        refusal(50_035, status: 400, means: .refused), refusal(0, status: 500, means: .temporary),
        .init("a proxy's page", status: 502, body: "<html>", means: failed(.temporary)),
        .init("a page in place of an answer", status: 200, body: "<html>", means: failed(.uncertain)),
        .init("gone with the wind", status: 404, body: "", means: failed(.gone)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-Signature-Timestamp", "X-Signature-Ed25519"], coversBody: true, tolerance: nil,
            sign: { S.signed($0, at: $1) }, signWrongly: { S.signed($0, at: $1, key: [UInt8](repeating: 9, count: 32)) }
        ),
        payloads: DiscordEventTests.rows.enumerated().map { number, row in
            .init("request \(number)", row.body, row.expected)
        },
        message: { S.directMessage(#""content":\#($0)"#) },
        messageWithAttachments: { count in
            S.directMessage(
                #""content":"","attachments":[\#(Array(repeating: #"{"id":"1"}"#, count: count).joined(separator: ","))]"#
            )
        },
        malformed: ["{}", #"{"type":"2"}"#, #"{"type":null}"#, #"{"op":0}"#],
        responses: responses, secrets: [S.token, Hex.encode(S.key)], apiPath: "/api/v10")

    @Test func `a long answer arrives complete, and no message is over the limit`() throws {
        let event = try #require(try S.events(S.directMessage(#""content":"hi""#)).first)
        #expect(LongAnswer().findings(through: S.adapter, answering: event, counting: { $0 }, at: S.now) == [])
    }

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile, mutations: 500).findings() == [])
    }

    // MARK: What Discord is told

    @Test(arguments: [
        (#"{"type":1}"#, 200, #"{"type":1}"#),
        (#"{"type":0,"version":1,"application_id":"1"}"#, 204, ""),
        (S.interaction(2, #"{"name":"ask"}"#), 200, #"{"type":5}"#),
        (S.interaction(3, #"{"custom_id":"x"}"#), 200, #"{"type":5}"#),
        (S.interaction(4, #"{"name":"ask"}"#), 200, #"{"type":8,"data":{"choices":[]}}"#),
        (S.interaction(5, #"{"custom_id":"x"}"#), 200, #"{"type":5}"#),
        (#"{"type":999}"#, 202, ""),
        (#"{"version":1,"type":1,"event":{"type":"ENTITLEMENT_CREATE","data":{}}}"#, 204, ""),
    ])
    func `each kind of request has its acknowledgement`(body: String, status: Int, answer: String) throws {
        let acknowledgement = try S.outcome(body).acknowledgement
        #expect(acknowledgement.status.code == status)
        #expect(String(decoding: acknowledgement.body, as: UTF8.self) == answer)
        #expect(acknowledgement.contentType == (status == 202 ? nil : "application/json"))
    }

    @Test func `a signature of the wrong form is refused, and GET is no way to come`() {
        let body = Array(#"{"type":1}"#.utf8)
        for field in ["", "zz", String(repeating: "0", count: 128), "ünsigned"] {
            var request = S.signed(body)
            request.headers["X-Signature-Ed25519"] = field
            #expect(throws: WebhookRejection.self) { try S.adapter.receive(request, at: S.now) }
        }
        var request = S.signed(body)
        request.method = .get
        #expect(throws: WebhookRejection.self) { try S.adapter.receive(request, at: S.now) }
    }

    /// The published vectors, when their folder is there.
    static let vectors: [JSONView] = {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "discord"),
            let file = try? JSONView(parsing: bytes)
        else { return [] }
        return Array(file["vectors"].elements)
    }()

    @Test(arguments: vectors.indices)
    func `a published signature vector is judged rightly`(index: Int) throws {
        let vector = Self.vectors[index]
        var configuration = S.configuration
        configuration.publicKey = try #require(vector["public_key_hex"].string)
        let adapter = DiscordAdapter(configuration: configuration)
        var headers = HTTPFields()
        for (name, value) in vector["headers"].members { headers[name] = value.string }
        let request = WebhookRequest(
            target: "/webhooks/discord", headers: headers, body: Array((vector["raw_body"].string ?? "").utf8))
        let isAccepted = (try? adapter.receive(request, at: S.now)) != nil
        #expect(isAccepted == vector["expected_valid"].bool)
    }

    // MARK: What goes out

    static let token = ["application": S.application, "token": "itoken"]

    static func action(
        _ kind: OutboundAction.Kind, byToken: Bool = false, part: Int = 0, isGroup: Bool = true,
        replyTo: String? = "44", context: [String: String]? = nil
    ) -> OutboundAction {
        OutboundAction(
            id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind,
            place: InboundEvent.Place(conversation: ConversationID("500"), isGroup: isGroup),
            means: byToken ? .reply : .push, part: part, replyTo: replyTo.map { PlatformMessageID($0) },
            replyContext: context ?? (byToken ? token : [:]))
    }

    static let words = OutboundAction.Kind.send(text: "so *it* is", format: .markdown)

    @Test(arguments: [
        (
            action(words), "POST", "/channels/500/messages",
            #"{"content":"so *it* is","allowed_mentions":{"parse":[]},"nonce":"cb-AZkAAAAAcACAAAAAAAAAAQ","enforce_nonce":true,"message_reference":{"message_id":"44","fail_if_not_exists":false}}"#
        ),
        (
            action(words, part: 1), "POST", "/channels/500/messages",
            #"{"content":"so *it* is","allowed_mentions":{"parse":[]},"nonce":"cb-AZkAAAAAcACAAAAAAAAAAQ","enforce_nonce":true}"#
        ),
        (
            action(.send(text: "@everyone *x*", format: .plain), isGroup: false), "POST", "/channels/500/messages",
            #"{"content":"\\@everyone \\*x\\*","allowed_mentions":{"parse":[]},"nonce":"cb-AZkAAAAAcACAAAAAAAAAAQ","enforce_nonce":true}"#
        ),
        (
            action(words, byToken: true), "PATCH", "/webhooks/1400000000000000001/itoken/messages/@original",
            #"{"content":"so *it* is","allowed_mentions":{"parse":[]}}"#
        ),
        (
            action(words, byToken: true, part: 2), "POST", "/webhooks/1400000000000000001/itoken?wait=true",
            #"{"content":"so *it* is","allowed_mentions":{"parse":[]}}"#
        ),
        (
            action(.edit(message: PlatformMessageID("77"), text: "more", format: .markdown), byToken: true), "PATCH",
            "/webhooks/1400000000000000001/itoken/messages/77", #"{"content":"more","allowed_mentions":{"parse":[]}}"#
        ),
        (
            action(.edit(message: PlatformMessageID("77"), text: "more", format: .markdown)), "PATCH",
            "/channels/500/messages/77", #"{"content":"more","allowed_mentions":{"parse":[]}}"#
        ),
        (action(.typing), "POST", "/channels/500/typing", ""),
        (
            action(
                .sendAttachment(
                    OutboundAttachment(kind: .image, source: .url("https://a.test/a.png")), caption: nil),
                byToken: true, part: 1), "POST", "/webhooks/1400000000000000001/itoken?wait=true",
            #"{"embeds":[{"image":{"url":"https://a.test/a.png"}}],"allowed_mentions":{"parse":[]}}"#
        ),
    ])
    func `an action becomes a call of the API`(action: OutboundAction, method: String, path: String, body: String)
        throws
    {
        let request = try #require(S.adapter.encode(action, at: S.now))
        #expect(request.method.rawValue == method)
        #expect(request.url == "https://discord.example.test/api/v10\(path)")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
        let isByToken = action.means == .reply && !path.contains("/channels/")
        if !isByToken { #expect(request.headers["Authorization"] == "Bot \(S.token)") }
        #expect(request.headers["User-Agent"]?.hasPrefix("DiscordBot (") == true)
    }

    @Test func `who answers with a token shows no bot token`() throws {
        let request = try #require(S.adapter.encode(Self.action(Self.words, byToken: true), at: S.now))
        #expect(request.headers["Authorization"] == nil)
    }

    @Test func `nobody is shown typing who sees the bot think`() {
        #expect(S.adapter.encode(Self.action(.typing, context: Self.token), at: S.now) == nil)
    }

    @Test func `bytes go out as a file beside the message`() throws {
        let attachment = OutboundAttachment(
            kind: .audio, source: .bytes(Array("RIFF\r\n--".utf8)), name: "a \"b\".wav", contentType: "audio/wav")
        let action = Self.action(.sendAttachment(attachment, caption: "listen"))
        let request = try #require(S.adapter.encode(action, at: S.now))
        let boundary = "chatbridge-01990000-0000-7000-8000-000000000001"
        #expect(request.headers["Content-Type"] == "multipart/form-data; boundary=\(boundary)")
        let expected = [
            "--\(boundary)", #"Content-Disposition: form-data; name="payload_json""#, "Content-Type: application/json",
            "",
            #"{"content":"listen","attachments":[{"id":0,"filename":"a \"b\".wav"}],"allowed_mentions":{"parse":[]},"nonce":"cb-AZkAAAAAcACAAAAAAAAAAQ","enforce_nonce":true,"message_reference":{"message_id":"44","fail_if_not_exists":false}}"#,
            "--\(boundary)", #"Content-Disposition: form-data; name="files[0]"; filename="a %22b%22.wav""#,
            "Content-Type: audio/wav", "", "RIFF\r\n--", "--\(boundary)--", "",
        ]
        #expect(String(decoding: request.body, as: UTF8.self) == expected.joined(separator: "\r\n"))
    }

    @Test(arguments: [
        ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1", true), ("https://media.discordapp.net/a.png", true),
        ("https://discord.example.test/a.png", true), ("http://cdn.discordapp.com/a.png", false),
        ("https://evil.test/cdn.discordapp.com", false), ("https://cdn.discordapp.com@evil.test/", false), ("", false),
    ])
    func `files are fetched from Discord alone`(url: String, isAsked: Bool) {
        switch S.adapter.fetchMedia(Attachment(kind: .image, url: url), after: []) {
        case .request(let request):
            #expect(isAsked)
            #expect(request.headers["Authorization"] == nil)
        default: #expect(!isAsked)
        }
    }

    // MARK: What comes back to an answer by token

    @Test(arguments: [
        (404, 10_015, nil, DeliveryFailure.Kind.replyRefused), (401, 50_027, nil, .replyRefused),
        (401, 0, nil, .replyRefused),
        (404, 10_062, nil, .replyRefused), (400, 40_094, nil, .replyRefused), (404, 10_015, "true", .temporary),
        (403, 50_001, nil, .blocked),
        (404, 10_008, nil, .gone), (500, 0, nil, .temporary),
    ])
    func `a token that is over is not the end of the answer`(
        status: Int, code: Int, gateway: String?, kind: DeliveryFailure.Kind
    ) {
        var context = Self.token
        context["gateway"] = gateway
        let response = OutboundResponse(
            status: HTTPStatus(status), body: Array(#"{"message":"No","code":\#(code)}"#.utf8))
        let result = S.adapter.interpret(response, to: Self.action(Self.words, byToken: true, context: context))
        guard case .failed(let failure) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(failure.kind == kind)
    }

    // MARK: Credentials

    @Test(arguments: [
        (200, #"{"id":"\#(S.application)","name":"Harbour","flags":524288}"#, CredentialFinding.good("Harbour")),
        (
            200, #"{"id":"\#(S.application)","name":"Harbour","flags":0}"#,
            .warning(
                "Harbour: the Message Content intent is off, the Gateway will refuse the bot: switch it on under Bot, or set DISCORD_GATEWAY=false"
            )
        ),
        (200, #"{"id":"5","name":"Other"}"#, .bad("the token belongs to Other (5), not to DISCORD_APPLICATION_ID")),
        (
            200, #"{"id":"\#(S.application)","name":"Harbour","verify_key":"00"}"#,
            .bad("DISCORD_PUBLIC_KEY is not that of Harbour: copy it again from General Information")
        ),
        (
            401, #"{"message":"401: Unauthorized","code":0}"#,
            .bad("Discord refuses the token: reset it under Bot and copy it to DISCORD_BOT_TOKEN")
        ),
        (503, "", .warning("Discord could not say (HTTP 503)")),
    ])
    func `a trial of the credentials says what it found`(status: Int, body: String, finding: CredentialFinding) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        #expect(S.adapter.interpretCredentialCheck(response, of: S.adapter.credentialChecks()[0]) == finding)
    }

    @Test func `the endpoint of interactions is shown, set and removed`() throws {
        func registration(_ body: String, status: Int = 200) -> WebhookRegistration {
            S.adapter.interpretWebhookQuery(OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8)))
        }
        #expect(registration(#"{"id":"1","interactions_endpoint_url":null}"#) == WebhookRegistration.none)
        #expect(
            registration(
                #"{"id":"1","interactions_endpoint_url":"https://a.test/x","event_webhooks_url":"https://b.test"}"#)
                == .registered(url: "https://a.test/x", remarks: ["webhook events go to https://b.test"]))
        guard case .failed(let failure) = registration("", status: 401) else {
            Issue.record("not failed")
            return
        }
        #expect(failure.kind == .unauthorized)
        let set = S.adapter.registerWebhook(at: "https://a.test/webhooks/discord")
        #expect(set.method == .patch && set.url.hasSuffix("/applications/@me"))
        #expect(
            String(decoding: set.body, as: UTF8.self)
                == #"{"interactions_endpoint_url":"https://a.test/webhooks/discord"}"#)
        let removal = try #require(S.adapter.removeWebhook())
        #expect(String(decoding: removal.body, as: UTF8.self) == #"{"interactions_endpoint_url":null}"#)
        let refused = OutboundResponse(status: .badRequest, body: Array(#"{"code":50035}"#.utf8))
        #expect(S.adapter.interpretRegistration(refused)?.reason.contains("DISCORD_PUBLIC_KEY") == true)
        #expect(S.adapter.interpretRegistration(OutboundResponse(status: .ok)) == nil)
        // What the fake is told is what it shows.
        let answer = try #require(
            S.adapter.fakeAnswer(
                to: FakeRequest(method: set.method, target: "/applications/@me", headers: set.headers, body: set.body),
                number: 1, at: S.now))
        #expect(
            S.adapter.interpretWebhookQuery(answer.response)
                == .registered(url: "https://a.test/webhooks/discord", remarks: []))
    }

    @Test func `values that cannot be right are named`() {
        #expect(S.configuration.problems == [])
        let wrong = DiscordConfiguration(applicationID: "my app", publicKey: "12zz", botToken: "t")
        #expect(wrong.problems.count == 2)
    }

    // MARK: Simulation and fake

    @Test func `a simulated webhook is a message that is answered`() throws {
        let webhook = S.adapter.simulateWebhook(text: "1 < 2 & \"so\"", number: 5, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "1 < 2 & \"so\"")
        #expect(event.disposition == .answer)
        let other = S.adapter.simulateWebhook(text: "x", number: 6, at: S.now)
        #expect(try S.adapter.receive(other, at: S.now).events.first?.id != event.id)
        // Another bot's token makes another key.
        var configuration = S.configuration
        configuration.botToken = "another"
        #expect(throws: WebhookRejection.self) {
            try DiscordAdapter(configuration: configuration).receive(webhook, at: S.now)
        }
    }

    @Test func `the fake takes what the adapter sends, and the adapter what the fake answers`() throws {
        let event = try #require(try S.events(S.direct(2, #"{"name":"ask","type":1}"#)).first)
        func play(_ kind: OutboundAction.Kind, byToken: Bool, part: Int = 0) throws -> (FakeAnswer, DeliveryResult) {
            let action = OutboundAction(
                id: UUID(high: 1, low: 2), kind: kind, place: event.place, means: byToken ? .reply : .push, part: part,
                replyContext: byToken ? event.replyContext : [:])
            let request = try #require(S.adapter.encode(action, at: S.now))
            let target = String(request.url.dropFirst(S.configuration.apiBase.count))
            let answer = try #require(
                S.adapter.fakeAnswer(
                    to: FakeRequest(
                        method: request.method, target: target, headers: request.headers, body: request.body),
                    number: 9, at: S.now))
            return (answer, S.adapter.interpret(answer.response, to: action))
        }
        let id = PlatformMessageID(DiscordSnowflake.id(at: S.now, number: 9))
        for byToken in [true, false] {
            let conversation = byToken ? "interaction itoken" : "501"
            for part in [0, 1] {
                let (answer, result) = try play(Self.words, byToken: byToken, part: part)
                #expect(
                    answer.actions == [.message(conversation: conversation, id: id.rawValue, text: "so *it* is")])
                #expect(result == .delivered(id))
            }
            let (answer, result) = try play(
                .edit(message: PlatformMessageID("7"), text: "more", format: .plain), byToken: byToken)
            #expect(answer.actions == [.edit(conversation: conversation, id: "7", text: "more")])
            #expect(result == .delivered(PlatformMessageID("7")))
        }
        let shown = try #require(
            S.adapter.encode(
                OutboundAction(id: UUID(high: 1, low: 2), kind: .typing, place: event.place), at: S.now))
        let typing = try #require(
            S.adapter.fakeAnswer(
                to: FakeRequest(
                    method: .post, target: "/channels/501/typing", headers: shown.headers, body: shown.body),
                number: 9, at: S.now))
        #expect(typing.actions == [.typing(conversation: "501")])
        let file = OutboundAttachment(kind: .file, source: .bytes([1, 2, 3]), name: "a.bin")
        let (upload, uploaded) = try play(.sendAttachment(file, caption: "here"), byToken: true)
        #expect(
            upload.actions == [
                .message(conversation: "interaction itoken", id: id.rawValue, text: "here"),
                .attachment(conversation: "interaction itoken", id: id.rawValue, kind: "file"),
            ])
        #expect(uploaded == .delivered(id))
    }

    @Test(arguments: [
        (PlatformFault.rateLimited(after: .milliseconds(1500)), DeliveryFailure.Kind.rateLimited(after: .seconds(2))),
        (.serverError, .temporary), (.unauthorized, .unauthorized), (.blocked, .blocked), (.gone, .gone),
        (.formattingRefused, .gone),
    ])
    func `a fault of the fake means what it says`(fault: PlatformFault, kind: DeliveryFailure.Kind) {
        let request = FakeRequest(method: .post, target: "/channels/1/messages", headers: [:], body: [])
        let result = S.adapter.interpret(S.adapter.fakeFault(fault, to: request), to: Self.action(Self.words))
        guard case .failed(let failure) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(failure.kind == kind)
    }
}
