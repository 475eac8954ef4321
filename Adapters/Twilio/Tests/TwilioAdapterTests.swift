import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import JSON
import Testing
import TwilioAdapter

/// The adapter at its edges: what goes out, what comes back, and playing the platform.
struct TwilioAdapterTests {
    typealias S = TwilioSamples

    static func failed(_ kind: DeliveryFailure.Kind) -> DeliveryResult { .failed(DeliveryFailure(kind, reason: "")) }

    static func error(_ code: Int, status: Int = 400, means kind: DeliveryFailure.Kind)
        -> ConformanceProfile.Response
    {
        .init(
            "error \(code)", status: status,
            body: #"{"code":\#(code),"message":"words","more_info":"x","status":\#(status)}"#, means: failed(kind))
    }

    static let responses: [ConformanceProfile.Response] = [
        .init(
            "sent", status: 201, body: #"{"sid":"SM9","status":"queued","error_code":null}"#,
            means: .delivered(PlatformMessageID("SM9"))),
        .init(
            "taken and given up", status: 201, body: #"{"sid":"SM9","status":"failed","error_code":63016}"#,
            means: failed(.windowClosed)),
        .init("typing shown", to: .typing, status: 200, body: #"{"success":true}"#, means: .delivered(nil)),
        .init(
            "too many requests", status: 429, headers: ["Retry-After": "3"], body: #"{"code":20429}"#,
            means: failed(.rateLimited(after: .seconds(3)))),
        error(20_429, status: 429, means: .rateLimited(after: nil)), error(21_610, means: .blocked),
        error(21_211, means: .gone), error(21_614, means: .gone), error(63_016, means: .windowClosed),
        error(20_003, status: 401, means: .unauthorized), error(21_606, means: .unauthorized),
        error(20_404, status: 404, means: .unauthorized), error(21_617, means: .refused),
        error(21_611, means: .rateLimited(after: nil)), error(20_500, status: 500, means: .temporary),
        error(99_999, means: .refused),
        .init("a proxy's page", status: 200, body: "<html>sign in</html>", means: failed(.uncertain)),
        .init(
            "a token that is repeated", status: 401, body: #"{"code":20003,"message":"bad \#(S.token)"}"#,
            means: failed(.unauthorized)),
    ]

    static let profile = ConformanceProfile(
        now: S.now,
        signing: .init(
            fields: ["X-Twilio-Signature"], coversBody: true, tolerance: nil, sign: { body, _ in S.signed(body) },
            signWrongly: { body, _ in S.signed(body, key: "0badc0ffee0badc0ffee0badc0ffee01") }),
        payloads: TwilioEventTests.rows.enumerated().map { number, row in
            .init("webhook \(number)", row.body, [row.expected])
        },
        message: { literal in
            S.sms(["Body": (try? JSONView(parsing: "[\(literal)]"))?[0].string ?? ""])
        },
        messageWithAttachments: { count in
            S.sms(["Body": "x"])
                + (0..<count).map { "&MediaUrl\($0)=https%3A%2F%2Fa.test%2F\($0)" }.joined()
        },
        malformed: ["Body=", "CallSid", "=x", "&&"], responses: responses, secrets: [S.token])

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(S.adapter(), Self.profile).findings() == [])
    }

    @Test func `the acknowledgement is an empty TwiML document`() throws {
        let answer = try S.adapter().receive(S.signed(Array(S.sms(["Body": "x"]).utf8)), at: S.now).acknowledgement
        #expect(answer.contentType == "text/xml")
        #expect(
            String(decoding: answer.body, as: UTF8.self) == #"<?xml version="1.0" encoding="UTF-8"?><Response/>"#)
    }

    static func action(
        _ kind: OutboundAction.Kind, to conversation: String = "+15550100042", account: String = "+15550100000"
    ) -> OutboundAction {
        OutboundAction(
            id: UUID(high: 0, low: 1), kind: kind,
            place: .init(account: AccountName(account), conversation: ConversationID(conversation)),
            replyTo: PlatformMessageID("SM1"))
    }

    static let callback = "&StatusCallback=https%3A%2F%2Fbridge.example.test%2Fwebhooks%2Ftwilio"

    @Test(arguments: [
        (
            OutboundAction.Kind.send(text: "50% + 1 & done?\n", format: .plain),
            "To=%2B15550100042&From=%2B15550100000&Body=50%25%20%2B%201%20%26%20done%3F%0A" + callback
        ),
        (
            .send(text: "**bold**", format: .markdown),
            "To=%2B15550100042&From=%2B15550100000&Body=bold" + callback
        ),
        (
            .sendAttachment(OutboundAttachment(kind: .image, source: .url("https://a.test/1.png")), caption: "look"),
            "To=%2B15550100042&From=%2B15550100000&Body=look&MediaUrl=https%3A%2F%2Fa.test%2F1.png" + callback
        ),
    ])
    func `an action becomes a message of the API`(kind: OutboundAction.Kind, body: String) throws {
        let request = try #require(S.adapter().encode(Self.action(kind), at: S.now))
        #expect(request.method == .post)
        #expect(request.url == "https://api.example.test/2010-04-01/Accounts/\(S.account)/Messages.json")
        #expect(
            request.headers["Authorization"] == "Basic " + Base64.encode(Array("\(S.account):\(S.token)".utf8)))
        #expect(request.headers["Content-Type"] == "application/x-www-form-urlencoded")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
    }

    @Test func `WhatsApp has formatting and a typing indicator, SMS has neither`() throws {
        let person = "whatsapp:+15550100042"
        let own = "whatsapp:+15550100000"
        let text = try #require(
            S.adapter().encode(
                Self.action(.send(text: "**bold**", format: .markdown), to: person, account: own), at: S.now))
        #expect(
            String(decoding: text.body, as: UTF8.self)
                == "To=whatsapp%3A%2B15550100042&From=whatsapp%3A%2B15550100000&Body=%2Abold%2A" + Self.callback)
        let typing = try #require(S.adapter().encode(Self.action(.typing, to: person, account: own), at: S.now))
        #expect(typing.url == "https://api.example.test/v3/Indicators/Typing.json")
        #expect(String(decoding: typing.body, as: UTF8.self) == #"{"channel":"WHATSAPP","messageId":"SM1"}"#)
        #expect(S.adapter().encode(Self.action(.typing), at: S.now) == nil)
    }

    @Test(arguments: [
        ("+15550100000", "+15550100042", "+15550100009", "From", "+15550100009"),
        ("+15550100000", "+15550100042", "default", "From", "+15550100000"),
        ("+15550100000", "whatsapp:+15550100042", "default", "From", "whatsapp:+15550100000"),
        ("whatsapp:+15550100000", "whatsapp:+15550100042", "default", "From", "whatsapp:+15550100000"),
        ("MG0000", "+15550100042", "+15550100009", "MessagingServiceSid", "MG0000"),
        ("MG0000", "+15550100042", "default", "MessagingServiceSid", "MG0000"),
        ("MG0000", "whatsapp:+15550100042", "whatsapp:+15550100009", "From", "whatsapp:+15550100009"),
    ])
    func `a message is from whom the person wrote to, else from the configured sender`(
        sender: String, conversation: String, account: String, name: String, value: String
    ) throws {
        let request = try #require(
            S.adapter(sender: sender).encode(
                Self.action(.send(text: "a", format: .plain), to: conversation, account: account), at: S.now))
        let fields = HTTPPercentEncoding.decodeForm(request.body)
        #expect(fields.first { $0.name == name }?.value == value)
        #expect(fields.filter { $0.name == "From" || $0.name == "MessagingServiceSid" }.count == 1)
    }

    @Test func `the rule of 24 hours holds for WhatsApp alone`() {
        #expect(S.adapter().capabilities.replies.push == .always)
        #expect(S.adapter(sender: "whatsapp:+1").capabilities.replies.push == .within(.seconds(86_400)))
    }

    @Test func `media are asked for with our credentials, and fetched elsewhere without them`() {
        func request(_ url: String, after responses: [OutboundResponse] = []) -> OutboundRequest? {
            guard
                case .request(let request) = S.adapter().fetchMedia(
                    Attachment(kind: .image, url: url), after: responses)
            else { return nil }
            return request
        }
        let media = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"
        #expect(request(media)?.headers["Authorization"] != nil)
        for other in [
            "https://a.test/x", "https://api.twilio.com.evil.example/x", "http://api.twilio.com/x",
            "https://api.twilio.com@evil.example/x", "https://api.twilio.com:444/x",
        ] {
            #expect(request(other) == nil, "\(other)")
        }
        let redirect = OutboundResponse(status: HTTPStatus(307), headers: ["Location": "https://mms.twiliocdn.com/x"])
        #expect(request(media, after: [redirect])?.url == "https://mms.twiliocdn.com/x")
        #expect(request(media, after: [redirect])?.headers == [:])
        for (place, isAsked) in [
            ("https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/1", true),
            ("https://s3-external-1.amazonaws.com/evil/1", false), ("http://169.254.169.254/latest", false),
            ("https://evil.example/x", false), ("/relative", false),
        ] {
            let redirect = OutboundResponse(status: HTTPStatus(307), headers: ["Location": place])
            #expect((request(media, after: [redirect]) != nil) == isAsked, "\(place)")
        }
        #expect(request("www.contoso.com") == nil)
        guard
            case .content = S.adapter().fetchMedia(
                Attachment(kind: .image, url: media), after: [redirect, OutboundResponse(status: .ok, body: [1])])
        else {
            Issue.record("no content")
            return
        }
    }

    @Test(arguments: [
        (0, 200, #"{"friendly_name":"Harbour","status":"active","type":"Full"}"#, CredentialFinding.good("Harbour")),
        (0, 200, #"{"friendly_name":"H","status":"suspended"}"#, .bad("H: the account is suspended")),
        (
            1, 200, #"{"incoming_phone_numbers":[{"sms_url":"https://bridge.example.test/webhooks/twilio"}]}"#,
            .good("+15550100000, messages go to https://bridge.example.test/webhooks/twilio")
        ),
        (
            1, 200, #"{"incoming_phone_numbers":[{"sms_url":""}]}"#,
            .warning("+15550100000: no webhook is set, messages come nowhere")
        ),
        (1, 200, #"{"incoming_phone_numbers":[]}"#, .bad("the account has no number +15550100000")),
    ])
    func `a trial of the credentials says what it found`(
        check: Int, status: Int, body: String, finding: CredentialFinding
    ) {
        let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
        let checks = S.adapter().credentialChecks()
        #expect(S.adapter().interpretCredentialCheck(response, of: checks[check]) == finding)
    }

    @Test(arguments: ["+15550100000", "whatsapp:+15550100000", "MG0000"], [S.publicURL, nil])
    func `a simulated webhook is a message that is answered`(sender: String, publicURL: String?) throws {
        let adapter = S.adapter(sender: sender, publicURL: publicURL)
        let webhook = adapter.simulateWebhook(text: "hé + \"llo\"", number: 77, at: S.now)
        let event = try #require(try adapter.receive(webhook, at: S.now).events.first)
        #expect(event.text == "hé + \"llo\"")
        guard case .answer = event.disposition else {
            Issue.record("not answered")
            return
        }
    }

    static func fake(_ request: OutboundRequest) throws -> FakeAnswer {
        try #require(
            S.adapter().fakeAnswer(
                to: FakeRequest(
                    method: request.method, target: String(request.url.dropFirst("https://api.example.test".count)),
                    headers: request.headers, body: request.body), number: 5, at: S.now))
    }

    @Test func `the fake takes what the adapter sends and answers what it understands`() throws {
        let action = Self.action(.send(text: "hi + there", format: .plain))
        let answer = try Self.fake(try #require(S.adapter().encode(action, at: S.now)))
        let sid = "SM" + String(repeating: "f", count: 31) + "5"
        #expect(answer.actions == [.message(conversation: "+15550100042", id: sid, text: "hi + there")])
        #expect(S.adapter().interpret(answer.response, to: action) == .delivered(PlatformMessageID(sid)))
        let long = Self.action(.send(text: String(repeating: "x", count: 1601), format: .plain))
        let request = try #require(S.adapter().encode(long, at: S.now))
        guard case .refused = try #require(try Self.fake(request).actions.first) else {
            Issue.record("taken")
            return
        }
    }

    @Test func `the fake refuses wrong credentials`() throws {
        let action = Self.action(.send(text: "hi", format: .plain))
        var request = try #require(S.adapter().encode(action, at: S.now))
        request.headers["Authorization"] = "Basic eDp5"
        guard case .failed(let failure) = S.adapter().interpret(try Self.fake(request).response, to: action) else {
            Issue.record("taken")
            return
        }
        #expect(failure.kind == .unauthorized)
    }

    @Test(arguments: [
        (PlatformFault.rateLimited(after: .seconds(9)), DeliveryFailure.Kind.rateLimited(after: .seconds(9))),
        (.serverError, .temporary), (.unauthorized, .unauthorized), (.blocked, .blocked), (.gone, .gone),
    ])
    func `the adapter understands the fake's faults`(fault: PlatformFault, kind: DeliveryFailure.Kind) throws {
        let action = Self.action(.send(text: "hi", format: .plain))
        let response = S.adapter().fakeFault(
            fault, to: FakeRequest(method: .post, target: "/", headers: [:], body: []))
        guard case .failed(let failure) = S.adapter().interpret(response, to: action) else {
            Issue.record("delivered")
            return
        }
        #expect(failure.kind == kind)
    }
}
