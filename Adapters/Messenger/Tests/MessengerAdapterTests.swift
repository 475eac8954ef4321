import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import MessengerAdapter
import Testing

/// The adapter at its edges: who may send, what goes out, what comes back.
struct MessengerAdapterTests {
    typealias S = MessengerSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func error(
        _ code: Int, _ subcode: Int? = nil, status: Int = 400, means kind: DeliveryFailure.Kind
    ) -> ConformanceProfile.Response {
        let field = subcode.map { #","error_subcode":\#($0)"# } ?? ""
        return .init(
            "error \(code)/\(subcode ?? 0)", status: status,
            body: #"{"error":{"message":"(#\#(code)) x","type":"OAuthException","code":\#(code)\#(field)}}"#,
            means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 200, body: #"{"recipient_id":"41","message_id":"m_9"}"#,
            means: .delivered(PlatformMessageID("m_9"))),
        .init("typing shown", to: .typing, status: 200, body: #"{"recipient_id":"41"}"#, means: .delivered(nil)),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "7"], body: "slow down",
            means: failed(.rateLimited(after: .seconds(7)))),
        error(4, means: .rateLimited(after: nil)), error(32, means: .rateLimited(after: nil)),
        error(613, means: .rateLimited(after: nil)), error(190, status: 401, means: .unauthorized),
        error(10, status: 403, means: .unauthorized), error(200, status: 403, means: .unauthorized),
        error(10, 2_018_278, status: 403, means: .windowClosed), error(551, means: .blocked),
        error(551, 1_545_041, means: .blocked), error(200, 1_545_041, status: 403, means: .blocked),
        error(100, 2_018_001, means: .gone), error(100, means: .refused), error(1200, means: .temporary),
        error(2, status: 500, means: .temporary), error(999, status: 502, means: .temporary),
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
        payloads: MessengerEventTests.rows.enumerated().map { number, row in
            .init("webhook \(number)", row.body, row.expected)
        },
        message: { S.message(#""text":\#($0)"#) },
        messageWithAttachments: { count in
            let file = #"{"type":"file","payload":{"url":"https://a.test/1"}}"#
            return S.message(#""attachments":[\#(Array(repeating: file, count: count).joined(separator: ","))]"#)
        },
        malformed: ["{}", #"{"object":17}"#, #"{"messaging":[]}"#], responses: responses,
        secrets: [S.token, S.appSecret, S.verifyToken])

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter, Self.profile).findings() == [])
    }

    @Test func `the handshake gives the bare challenge back to who knows the token`() throws {
        func handshake(_ token: String) throws -> String {
            let target = "/webhooks/messenger?hub.mode=subscribe&hub.challenge=42&hub.verify_token=\(token)"
            let request = WebhookRequest(method: .get, target: target, headers: [:], body: [])
            return String(decoding: try S.adapter.receive(request, at: S.now).acknowledgement.body, as: UTF8.self)
        }
        #expect(try handshake(S.verifyToken) == "42")
        #expect(throws: WebhookRejection.self) { try handshake("invented-verify-tokem") }
    }

    static func encoded(_ kind: OutboundAction.Kind) throws -> (request: OutboundRequest, action: OutboundAction)? {
        let action = OutboundAction(
            id: UUID(high: 0, low: 1), kind: kind,
            place: .init(account: AccountName("900"), conversation: ConversationID("41")),
            replyTo: PlatformMessageID("m_1"))
        return S.adapter.encode(action, at: S.now).map { ($0, action) }
    }

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "Re: \"it\"", format: .plain),
            #"{"recipient":{"id":"41"},"messaging_type":"RESPONSE","message":{"text":"Re: \"it\""}}"#
        ),
        (
            .send(text: "**bold** a < b", format: .markdown),
            #"{"recipient":{"id":"41"},"messaging_type":"RESPONSE","message":{"text":"bold a < b"}}"#
        ),
        (.typing, #"{"recipient":{"id":"41"},"sender_action":"typing_on"}"#),
        (
            .sendAttachment(OutboundAttachment(kind: .image, source: .url("https://a.test/1.png")), caption: nil),
            #"{"recipient":{"id":"41"},"messaging_type":"RESPONSE","message":{"attachment":{"type":"image","payload":{"url":"https://a.test/1.png"}}}}"#
        ),
        (
            .sendAttachment(OutboundAttachment(kind: .file, source: .uploaded("77")), caption: nil),
            #"{"recipient":{"id":"41"},"messaging_type":"RESPONSE","message":{"attachment":{"type":"file","payload":{"attachment_id":"77"}}}}"#
        ),
    ])
    func `an action becomes a call of the Send API`(kind: OutboundAction.Kind, body: String) throws {
        let request = try #require(try Self.encoded(kind)).request
        #expect(request.method == .post)
        #expect(request.url == "https://graph.example.test/v23.0/me/messages?access_token=\(S.token)")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
    }

    @Test func `what Messenger has not is not tried`() throws {
        let file = OutboundAttachment(kind: .image, source: .url("https://a.test/1.png"))
        #expect(try Self.encoded(.edit(message: PlatformMessageID("m_9"), text: "b", format: .plain)) == nil)
        #expect(try Self.encoded(.sendAttachment(file, caption: "words")) == nil)
    }

    @Test func `bytes are brought as a form and then named by the answer`() throws {
        let file = OutboundAttachment(kind: .image, source: .bytes([1, 2, 255]), contentType: "image/png")
        let action = OutboundAction(
            id: UUID(high: 0, low: 1), kind: .sendAttachment(file, caption: nil),
            place: .init(conversation: ConversationID("41")))
        guard case .request(let request) = S.adapter.upload(file, for: action, after: [], at: S.now) else {
            Issue.record("no request")
            return
        }
        #expect(request.url == "https://graph.example.test/v23.0/me/message_attachments?access_token=\(S.token)")
        let form = String(decoding: request.body.prefix(300), as: UTF8.self)
        #expect(form.contains(#"{"attachment":{"type":"image","payload":{"is_reusable":true}}}"#))
        #expect(form.contains(#"name="filedata"; filename="file""#))
        let answer = OutboundResponse(status: .ok, body: Array(#"{"attachment_id":"77"}"#.utf8))
        guard case .uploaded("77") = S.adapter.upload(file, for: action, after: [answer], at: S.now) else {
            Issue.record("not uploaded")
            return
        }
    }

    @Test func `an attachment is fetched at its address without our token`() {
        let photo = Attachment(kind: .image, url: "https://scontent.xx.fbcdn.net/1.jpg")
        guard case .request(let request) = S.adapter.fetchMedia(photo, after: []) else {
            Issue.record("no request")
            return
        }
        #expect(request.url == "https://scontent.xx.fbcdn.net/1.jpg")
        #expect(request.headers == [:])
        guard case .unavailable = S.adapter.fetchMedia(Attachment(kind: .image), after: []) else {
            Issue.record("available")
            return
        }
    }

    @Test(arguments: [
        (0, 200, #"{"id":"900","name":"Harbour"}"#, CredentialFinding.good("Harbour")),
        (
            1, 200, #"{"data":[{"name":"Bridge","subscribed_fields":["messages"]}]}"#,
            .good("messages go to the app Bridge")
        ),
        (
            1, 200, #"{"data":[]}"#,
            .bad(
                "the page is subscribed to no app: add the page under Messenger, Settings, Webhooks and subscribe it to messages"
            )
        ),
        (0, 500, #"{"error":{"code":2,"message":"x"}}"#, .warning("Meta could not say: (2) x")),
    ])
    func `a trial of the credentials says what it found`(
        check: Int, status: Int, body: String, finding: CredentialFinding
    ) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        #expect(S.adapter.interpretCredentialCheck(response, of: S.adapter.credentialChecks()[check]) == finding)
    }

    @Test func `a simulated webhook is a message that is answered`() throws {
        let webhook = S.adapter.simulateWebhook(text: "hé \"llo\"", number: 77, at: S.now)
        #expect(
            try S.adapter.receive(webhook, at: S.now).events.map { ExpectedEvent(of: $0) } == [
                ExpectedEvent(
                    .text, isAnswered: true, text: "hé \"llo\"", sender: "6420000000000001", account: "100000000000000",
                    conversation: "6420000000000001")
            ])
    }

    static func fake(_ request: OutboundRequest, token: String = S.token) throws -> FakeAnswer {
        let target = request.url.dropFirst("https://graph.example.test".count)
            .split(separator: S.token).joined(separator: token)
        return try #require(
            S.adapter.fakeAnswer(
                to: FakeRequest(
                    method: request.method, target: target + (target.hasSuffix("=") ? token : ""),
                    headers: request.headers, body: request.body), number: 5, at: S.now))
    }

    @Test func `the fake takes what the adapter sends and answers what it understands`() throws {
        let (request, action) = try #require(try Self.encoded(.send(text: "hi", format: .plain)))
        let answer = try Self.fake(request)
        #expect(answer.actions == [.message(conversation: "41", id: "m_FAKE5", text: "hi")])
        #expect(S.adapter.interpret(answer.response, to: action) == .delivered(PlatformMessageID("m_FAKE5")))
        #expect(try Self.fake(try #require(try Self.encoded(.typing)).request).actions == [.typing(conversation: "41")])
    }

    @Test func `the fake refuses a wrong token and a text that is too long`() throws {
        let (request, action) = try #require(try Self.encoded(.send(text: "hi", format: .plain)))
        #expect(S.adapter.interpret(try Self.fake(request, token: "other").response, to: action).isUnauthorized)
        let long = try #require(
            try Self.encoded(.send(text: String(repeating: "x", count: 2001), format: .plain)))
        guard case .refused = try #require(try Self.fake(long.request).actions.first) else {
            Issue.record("taken")
            return
        }
    }

    @Test(arguments: [
        (PlatformFault.rateLimited(after: .seconds(9)), DeliveryFailure.Kind.rateLimited(after: .seconds(9))),
        (.serverError, .temporary), (.unauthorized, .unauthorized), (.blocked, .blocked), (.gone, .gone),
    ])
    func `the adapter understands the fake's faults`(fault: PlatformFault, kind: DeliveryFailure.Kind) throws {
        let (request, action) = try #require(try Self.encoded(.send(text: "hi", format: .plain)))
        let response = S.adapter.fakeFault(
            fault, to: FakeRequest(method: .post, target: "/", headers: request.headers, body: request.body))
        guard case .failed(let failure) = S.adapter.interpret(response, to: action) else {
            Issue.record("delivered")
            return
        }
        #expect(failure.kind == kind)
    }
}

extension DeliveryResult {
    var isUnauthorized: Bool {
        if case .failed(let failure) = self { failure.kind == .unauthorized } else { false }
    }
}
