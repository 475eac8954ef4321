import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing
import WhatsAppAdapter

/// The adapter at its edges: who may send, what goes out, what comes back.
struct WhatsAppAdapterTests {
    typealias S = WhatsAppSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func error(
        _ code: Int, status: Int = 400, _ fields: String = "", means kind: DeliveryFailure.Kind
    ) -> ConformanceProfile.Response {
        .init(
            "error \(code)", status: status,
            body: #"{"error":{"message":"(#\#(code)) x","type":"OAuthException","code":\#(code)\#(fields)}}"#,
            means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200,
            body:
                #"{"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.S"}]}"#,
            means: .delivered(PlatformMessageID("wamid.S"))),
        .init("typing shown", to: .typing, status: 200, body: #"{"success":true}"#, means: .delivered(nil)),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "7"], body: #"{"error":{"code":4}}"#,
            means: failed(.rateLimited(after: .seconds(7)))),
        .init(
            "a budget that tells when it is full again", status: 400,
            headers: [
                "X-Business-Use-Case-Usage":
                    #"{"1":[{"type":"whatsapp","estimated_time_to_regain_access":2}]}"#
            ], body: #"{"error":{"code":80007,"message":"x"}}"#, means: failed(.rateLimited(after: .seconds(120)))),
        error(130_429, means: .rateLimited(after: nil)), error(131_056, means: .rateLimited(after: .seconds(6))),
        error(190, status: 401, means: .unauthorized), error(10, status: 403, means: .unauthorized),
        error(131_047, means: .windowClosed), error(131_026, means: .gone), error(131_050, means: .blocked),
        error(131_000, status: 500, means: .temporary), error(2, status: 500, means: .temporary),
        error(100, means: .refused), error(100, #","is_transient":true"#, means: .temporary),
        error(999_999, status: 503, means: .temporary), error(131_008, means: .refused),
        .init("an error in 200", status: 200, body: #"{"error":{"code":131047}}"#, means: failed(.windowClosed)),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
        .init(
            "a token that is repeated", status: 400,
            body: #"{"error":{"message":"Malformed access token \#(S.token)","code":190}}"#,
            means: failed(.unauthorized)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-Hub-Signature-256"], coversBody: true, tolerance: nil, sign: { body, _ in S.signed(body) },
            signWrongly: { body, _ in S.signed(body, key: "0badc0ffee0badc0ffee0badc0ffee01") }),
        payloads: WhatsAppEventTests.rows.enumerated().map { number, row in
            .init("webhook \(number)", row.body, row.expected)
        },
        message: { S.message(#""type":"text","text":{"body":\#($0)}"#) },
        malformed: ["{}", #"{"object":17}"#, #"{"messages":[]}"#], responses: responses,
        secrets: [S.token, S.appSecret, S.verifyToken])

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile).findings() == [])
    }

    static func handshake(_ query: String) throws -> Acknowledgement {
        try S.adapter.receive(
            WebhookRequest(method: .get, target: "/webhooks/whatsapp?\(query)", headers: [:], body: []), at: S.now
        ).acknowledgement
    }

    @Test func `the handshake gives the bare challenge back`() throws {
        let answer = try Self.handshake(
            "hub.mode=subscribe&hub.verify_token=\(S.verifyToken)&hub.challenge=115%2F81+x")
        #expect(answer.status == .ok)
        #expect(answer.contentType == "text/plain")
        #expect(String(decoding: answer.body, as: UTF8.self) == "115/81 x")
    }

    @Test(arguments: [
        ("hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1", WebhookRejection.Reason.forbidden),
        ("hub.mode=subscribe&hub.verify_token=&hub.challenge=1", .forbidden),
        ("hub.mode=subscribe&hub.challenge=1", .malformed),
        ("hub.mode=unsubscribe&hub.verify_token=invented-verify-token&hub.challenge=1", .malformed),
        ("", .malformed),
    ])
    func `a handshake that is none of ours is refused`(query: String, reason: WebhookRejection.Reason) {
        do {
            _ = try Self.handshake(query)
            Issue.record("accepted")
        } catch let rejection as WebhookRejection {
            #expect(rejection.reason == reason)
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test func `without an app secret or a verify token everything is refused`() {
        let open = WhatsAppAdapter(
            configuration: WhatsAppConfiguration(
                accessToken: "t", phoneNumberID: "200", verifyToken: "", appSecret: ""))
        #expect(throws: WebhookRejection.self) {
            try open.receive(S.signed(Array(#"{"object":"x","entry":[]}"#.utf8), key: ""), at: S.now)
        }
        #expect(throws: WebhookRejection.self) {
            try open.receive(
                WebhookRequest(
                    method: .get, target: "/?hub.mode=subscribe&hub.verify_token=&hub.challenge=1", headers: [:],
                    body: []), at: S.now)
        }
    }

    @Test func `the API's version is added unless the base names one`() throws {
        for (base, url) in [
            ("https://graph.example.test", "https://graph.example.test/v23.0/200/messages"),
            ("http://127.0.0.1:9/v99.0", "http://127.0.0.1:9/v99.0/200/messages"),
        ] {
            let adapter = WhatsAppAdapter(
                configuration: WhatsAppConfiguration(
                    accessToken: "t", phoneNumberID: "200", verifyToken: "v", appSecret: "s", apiBase: base))
            let action = OutboundAction(
                id: UUID(high: 0, low: 0), kind: .send(text: "a", format: .plain),
                place: .init(conversation: ConversationID("1")))
            #expect(try #require(adapter.encode(action, at: S.now)).url == url)
        }
    }

    static func body(
        of kind: OutboundAction.Kind, to conversation: String = "15550100042", isGroup: Bool = false,
        replyTo: String? = "wamid.Q"
    ) throws -> String? {
        let action = OutboundAction(
            id: UUID(high: 0, low: 1), kind: kind,
            place: .init(account: AccountName("200"), conversation: ConversationID(conversation), isGroup: isGroup),
            replyTo: replyTo.map { PlatformMessageID($0) })
        guard let request = S.adapter.encode(action, at: S.now) else { return nil }
        #expect(request.method == .post)
        #expect(request.url == "https://graph.example.test/v23.0/200/messages")
        #expect(request.headers["Authorization"] == "Bearer \(S.token)")
        return String(decoding: request.body, as: UTF8.self)
    }

    @Test func `a text goes to a number`() throws {
        #expect(
            try Self.body(of: .send(text: "Re: \"it\"", format: .plain))
                == #"{"messaging_product":"whatsapp","recipient_type":"individual","to":"15550100042","type":"text","text":{"preview_url":false,"body":"Re: \"it\""}}"#
        )
    }

    @Test func `a text goes to a user id where there is no number`() throws {
        #expect(
            try Self.body(of: .send(text: "a", format: .plain), to: "US.1234")
                == #"{"messaging_product":"whatsapp","recipient_type":"individual","recipient":"US.1234","type":"text","text":{"preview_url":false,"body":"a"}}"#
        )
    }

    @Test func `an answer in a group shows what it answers`() throws {
        #expect(
            try Self.body(of: .send(text: "a", format: .plain), to: "group-7", isGroup: true)
                == #"{"messaging_product":"whatsapp","recipient_type":"group","to":"group-7","context":{"message_id":"wamid.Q"},"type":"text","text":{"preview_url":false,"body":"a"}}"#
        )
    }

    @Test func `formatting is WhatsApp's, and what is no formatting stays as it is`() throws {
        let body = try #require(try Self.body(of: .send(text: "**bold** _it_ a < b & c", format: .markdown)))
        #expect(try JSONView(parsing: body)["text"]["body"].string == "*bold* _it_ a < b & c")
    }

    @Test func `typing is shown at the message that it answers, and nowhere else`() throws {
        #expect(
            try Self.body(of: .typing)
                == #"{"messaging_product":"whatsapp","status":"read","message_id":"wamid.Q","typing_indicator":{"type":"text"}}"#
        )
        #expect(try Self.body(of: .typing, replyTo: nil) == nil)
        #expect(try Self.body(of: .edit(message: PlatformMessageID("wamid.S"), text: "b", format: .plain)) == nil)
    }

    @Test(arguments: [
        (
            OutboundAttachment(kind: .image, source: .url("https://a.test/x.png"), contentType: "image/png"), "look",
            #""type":"image","image":{"link":"https://a.test/x.png","caption":"look"}}"#
        ),
        // No type of picture that WhatsApp shows: it goes as a file.
        (
            OutboundAttachment(
                kind: .image, source: .url("https://a.test/x.svg"), name: "x.svg", contentType: "image/svg+xml"), nil,
            #""type":"document","document":{"link":"https://a.test/x.svg","filename":"x.svg"}}"#
        ),
        (
            OutboundAttachment(kind: .audio, source: .uploaded("90"), contentType: "audio/ogg; codecs=opus"), nil,
            #""type":"audio","audio":{"id":"90"}}"#
        ),
        (
            OutboundAttachment(kind: .file, source: .uploaded("91"), name: "a.pdf", contentType: "application/pdf"),
            "the contract", #""type":"document","document":{"id":"91","caption":"the contract","filename":"a.pdf"}}"#
        ),
    ])
    func `an attachment goes by its address or its reference`(
        attachment: OutboundAttachment, caption: String?, ending: String
    ) throws {
        let body = try #require(try Self.body(of: .sendAttachment(attachment, caption: caption)))
        #expect(body.hasSuffix(ending), "\(body)")
    }

    @Test func `bytes are brought as a form and then named by the answer`() throws {
        let file = OutboundAttachment(
            kind: .image, source: .bytes([1, 2, 13, 10, 255]), name: "a\"b.png", contentType: "image/png")
        let action = OutboundAction(
            id: UUID(high: 0, low: 1), kind: .sendAttachment(file, caption: nil),
            place: .init(conversation: ConversationID("1")))
        guard case .request(let request) = S.adapter.upload(file, for: action, after: [], at: S.now) else {
            Issue.record("no request")
            return
        }
        #expect(request.url == "https://graph.example.test/v23.0/200/media")
        #expect(request.headers["Authorization"] == "Bearer \(S.token)")
        let boundary = "chatbridge-00000000-0000-0000-0000-000000000001"
        #expect(request.headers["Content-Type"] == "multipart/form-data; boundary=\(boundary)")
        let expected =
            Array(
                "--\(boundary)\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n--\(boundary)\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nimage/png\r\n--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b.png\"\r\nContent-Type: image/png\r\n\r\n"
                    .utf8) + [1, 2, 13, 10, 255] + Array("\r\n--\(boundary)--\r\n".utf8)
        #expect(request.body == expected)
        let answer = OutboundResponse(status: .ok, body: Array(#"{"id":"4490"}"#.utf8))
        guard case .uploaded("4490") = S.adapter.upload(file, for: action, after: [answer], at: S.now) else {
            Issue.record("not uploaded")
            return
        }
    }
}

/// Fetching media, registering, trying the credentials, and playing the platform.
struct WhatsAppAbilityTests {
    typealias S = WhatsAppSamples

    static func json(_ body: String, status: Int = 200) -> OutboundResponse {
        OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
    }

    static func request(_ step: MediaStep) throws -> OutboundRequest {
        guard case .request(let request) = step else { throw Missing() }
        return request
    }

    struct Missing: Error {}

    @Test func `media are asked for by id and fetched where they are, with the token`() throws {
        let photo = Attachment(kind: .image, reference: "77", contentType: "image/jpeg")
        let first = try Self.request(S.adapter.fetchMedia(photo, after: []))
        #expect(first.method == .get)
        #expect(first.url == "https://graph.example.test/v23.0/77?phone_number_id=200")
        #expect(first.headers["Authorization"] == "Bearer \(S.token)")
        let answer = Self.json(#"{"url":"https://lookaside.fbsbx.com/whatsapp/x?y=1","mime_type":"image/jpeg"}"#)
        let second = try Self.request(S.adapter.fetchMedia(photo, after: [answer]))
        #expect(second.url == "https://lookaside.fbsbx.com/whatsapp/x?y=1")
        #expect(second.headers["Authorization"] == "Bearer \(S.token)")
        guard case .content("image/jpeg") = S.adapter.fetchMedia(photo, after: [answer, Self.json("bytes")]) else {
            Issue.record("no content")
            return
        }
    }

    @Test(arguments: [
        "https://evil.example/fbsbx.com", "https://lookaside.fbsbx.com.evil.example/x", "http://lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com@evil.example/x", "https://evil.example\\.fbsbx.com/", "ftp://a.fbsbx.com/",
        "https://evilfbsbx.com/",
    ])
    func `the token goes nowhere but to Meta`(url: String) throws {
        let photo = Attachment(kind: .image, reference: "77")
        var writer = JSONWriter()
        writer.object { $0.field("url", url) }
        let answer = OutboundResponse(status: .ok, body: writer.bytes)
        guard case .unavailable = S.adapter.fetchMedia(photo, after: [answer]) else {
            Issue.record("asked for")
            return
        }
    }

    @Test func `media that are gone are said to be`() {
        let photo = Attachment(kind: .image, reference: "77")
        let gone = Self.json(#"{"error":{"code":100,"message":"Unsupported get request"}}"#, status: 400)
        guard case .unavailable = S.adapter.fetchMedia(photo, after: [gone]) else {
            Issue.record("available")
            return
        }
        guard case .unavailable = S.adapter.fetchMedia(Attachment(kind: .image, reference: "../me"), after: []) else {
            Issue.record("a reference that is a path was followed")
            return
        }
    }

    @Test(arguments: [
        (
            #"{"webhook_configuration":{"phone_number":"https://b.test/webhooks/whatsapp","application":"https://o.test/"}}"#,
            WebhookRegistration.registered(url: "https://b.test/webhooks/whatsapp", remarks: [])
        ),
        (
            #"{"webhook_configuration":{"application":"https://o.test/"}}"#,
            .registered(url: "https://o.test/", remarks: ["set for the whole app"])
        ),
        (#"{"id":"200"}"#, .none),
    ])
    func `the registered webhook is the nearest one`(body: String, meaning: WebhookRegistration) {
        #expect(S.adapter.interpretWebhookQuery(Self.json(body)) == meaning)
    }

    @Test func `a webhook is registered for the number with the verify token, and taken back`() throws {
        let set = S.adapter.registerWebhook(at: "https://b.test/webhooks/whatsapp")
        #expect(set.url == "https://graph.example.test/v23.0/200")
        #expect(
            String(decoding: set.body, as: UTF8.self)
                == #"{"webhook_configuration":{"override_callback_uri":"https://b.test/webhooks/whatsapp","verify_token":"invented-verify-token"}}"#
        )
        let removal = try #require(S.adapter.removeWebhook())
        #expect(
            String(decoding: removal.body, as: UTF8.self)
                == #"{"webhook_configuration":{"override_callback_uri":""}}"#)
        #expect(S.adapter.interpretRegistration(Self.json(#"{"success":true}"#)) == nil)
        #expect(S.adapter.interpretRegistration(Self.json(#"{"error":{"code":190}}"#))?.kind == .unauthorized)
    }

    @Test func `a trial of the credentials says what it found`() throws {
        let check = try #require(S.adapter.credentialChecks().first)
        func finding(_ body: String, _ status: Int) -> CredentialFinding {
            S.adapter.interpretCredentialCheck(Self.json(body, status: status), of: check)
        }
        #expect(
            finding(#"{"verified_name":"Harbour","display_phone_number":"+1 555-010-0000"}"#, 200)
                == .good("+1 555-010-0000 (Harbour)"))
        guard case .bad = finding(#"{"error":{"code":190,"message":"expired"}}"#, 401),
            case .warning = finding(#"{"error":{"code":2,"message":"x"}}"#, 500)
        else {
            Issue.record("not told apart")
            return
        }
    }

    @Test func `a simulated webhook is a message that is answered`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hé \"llo\"", number: 77, at: S.now)
        let event = try #require(try S.adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "hé \"llo\"")
        #expect(event.id.rawValue == "wamid.SIMULATED77")
        guard case .answer = event.disposition else {
            Issue.record("not answered")
            return
        }
    }

    static func fake(_ request: OutboundRequest, token: String = S.token) throws -> FakeAnswer {
        var headers = request.headers
        headers["Authorization"] = "Bearer \(token)"
        return try #require(
            S.adapter.fakeAnswer(
                to: FakeRequest(
                    method: request.method, target: String(request.url.dropFirst("https://graph.example.test".count)),
                    headers: headers, body: request.body), number: 5, at: S.now))
    }

    static func encoded(_ kind: OutboundAction.Kind) throws -> (OutboundRequest, OutboundAction) {
        let action = OutboundAction(
            id: UUID(high: 0, low: 1), kind: kind, place: .init(conversation: ConversationID("15550100042")),
            replyTo: PlatformMessageID("wamid.Q"))
        return (try #require(S.adapter.encode(action, at: S.now)), action)
    }

    @Test func `the fake takes what the adapter sends and answers what it understands`() throws {
        let (request, action) = try Self.encoded(.send(text: "hi", format: .plain))
        let answer = try Self.fake(request)
        #expect(answer.actions == [.message(conversation: "15550100042", id: "wamid.FAKE5", text: "hi")])
        #expect(S.adapter.interpret(answer.response, to: action) == .delivered(PlatformMessageID("wamid.FAKE5")))
        #expect(try Self.fake(Self.encoded(.typing).0).actions == [.typing(conversation: "wamid.Q")])
    }

    @Test func `the fake refuses a wrong token and a text that is too long`() throws {
        let (request, action) = try Self.encoded(.send(text: "hi", format: .plain))
        let refusal = try Self.fake(request, token: "other")
        #expect(S.adapter.interpret(refusal.response, to: action).failureKind == .unauthorized)
        let long = try Self.encoded(.send(text: String(repeating: "x", count: 4097), format: .plain))
        #expect(S.adapter.interpret(try Self.fake(long.0).response, to: long.1).failureKind == .refused)
    }

    @Test(arguments: [
        (PlatformFault.rateLimited(after: .seconds(9)), DeliveryFailure.Kind.rateLimited(after: .seconds(9))),
        (.serverError, .temporary), (.unauthorized, .unauthorized), (.blocked, .blocked), (.gone, .gone),
        (.formattingRefused, .gone),
    ])
    func `the adapter understands the fake's faults`(fault: PlatformFault, kind: DeliveryFailure.Kind) throws {
        let (request, action) = try Self.encoded(.send(text: "hi", format: .plain))
        let response = S.adapter.fakeFault(
            fault, to: FakeRequest(method: .post, target: "/", headers: request.headers, body: request.body))
        #expect(S.adapter.interpret(response, to: action).failureKind == kind)
    }
}

extension DeliveryResult {
    var failureKind: DeliveryFailure.Kind? {
        if case .failed(let failure) = self { failure.kind } else { nil }
    }
}
